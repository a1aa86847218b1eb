import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { WaitingItem } from '../ledger/waiting.ts';
import { createSeldomLog } from '../lib/seldom-log.ts';
import { wallMs } from '../lib/wall-time.ts';
import { isAway, KEY_PREFIX } from './connection.ts';
import { hostQueue } from './names.ts';

/** How many jobs are read from the ledger and go to Redis at once; few, so that a door never waits long for them. */
const PAGE = 100;

/** How much later than the ledger says a job may wait in Redis, in milliseconds. */
const MOST_LATE_MS = 10_000;

/** How long a job may be due before it is taken out of its wait: by a worker whose clock is wrong it would not be, in milliseconds. */
const MOST_OVERDUE_MS = 1000;

/** How long after a page of what is to be done the doors come first, and after news, which go together meanwhile, in milliseconds. */
const PAGE_REST_MS = 10;
const NEWS_REST_MS = 40;

/** BullMQ orders jobs that wait by their time in milliseconds times this, and a counter below it. */
const DELAY_SCORE_STEP = 0x1000;

/**
 * Keeps the queue in Redis in step with the ledger. Redis may lose everything at any moment: whatever the ledger calls
 * unfinished is put back in line, oldest first, and what is in line already stays where it is.
 */
export interface Line {
  /** Puts what was accepted since the last time in line, soon; returns at once, also when Redis is away. */
  poke(): void;
  /** Puts everything unfinished in line, soon; returns at once. */
  reconcile(): void;
  /** Has a job run now that waits for its time, or that there is none for yet, soon; returns at once. */
  hurry(id: string): void;
  stop(): Promise<void>;
}

/**
 * @param options.pending What the ledger calls unfinished, oldest first, above a sequence number, a page of it.
 * @param options.news The same where all above that number is new; unset: nothing makes that easier to find.
 * @param options.hostOf The host that is to do one of them, where there are several; each has a queue of its own.
 * @param options.everyMs How often everything is looked through; unset: only when asked, and when Redis comes back.
 */
export function createLine(options: {
  name: string;
  connection: Redis;
  concurrency: number;
  pending: (afterSeq: number, limit: number) => Promise<WaitingItem[]>;
  news?: (afterSeq: number, limit: number) => Promise<WaitingItem[]>;
  hostOf?: (id: string) => Promise<string | undefined>;
  everyMs?: number;
  log: Logger;
}): Line {
  const { connection } = options;
  const seldom = createSeldomLog(options.log);
  const queue = openQueue(options.name);
  /** The queues of hosts, by the host. */
  const ofHosts = new Map<string, Queue>();

  function openQueue(name: string): Queue {
    const opened = new Queue(name, { connection, prefix: KEY_PREFIX });
    opened.on('error', (error) => {
      if (!isAway(error)) seldom.warn({ event: 'queue.error', err: error }, 'queue error');
    });
    return opened;
  }

  function queueFor(host: string | undefined): Queue {
    if (host === undefined) return queue;
    const open = ofHosts.get(host) ?? openQueue(hostQueue(options.name, host));
    ofHosts.set(host, open);
    return open;
  }

  let lastSeq = 0;
  let wanted: 'nothing' | 'news' | 'everything' = 'nothing';
  let isRunning = false;
  let isStopped = false;

  async function add(items: readonly WaitingItem[]): Promise<void> {
    const hosts = new Set(items.map(({ host }) => host));
    for (const host of hosts) {
      if (host !== undefined && !ofHosts.has(host)) {
        await queueFor(host).setGlobalConcurrency(options.concurrency);
      }
      const jobs = items
        .filter((item) => item.host === host)
        .map((item) => ({
          name: options.name,
          data: { id: item.id },
          opts: {
            jobId: item.id,
            delay: Math.max(0, item.notBeforeMs - wallMs()),
            removeOnComplete: true,
            removeOnFail: true,
          },
        }));
      await queueFor(host).addBulk(jobs);
    }
  }

  /** Whether all of these are in line, which costs Redis far less to say than to be told of each again. */
  async function areInLine(items: readonly WaitingItem[]): Promise<boolean> {
    return (await connection.exists(items.map(({ id, host }) => queueFor(host).toKey(id)))) === items.length;
  }

  /**
   * Has jobs wait no longer than the ledger says: what they wait for may have been moved to an earlier time, the wall
   * clock have been set back, by which Redis keeps them, or the clock of the host that is to move them be wrong.
   */
  async function hurryLate(items: readonly WaitingItem[]): Promise<void> {
    const delayed = connection.pipeline();
    for (const { id, host } of items) delayed.zscore(queueFor(host).toKey('delayed'), id);
    const scores = (await delayed.exec()) ?? [];
    for (const [at, item] of items.entries()) {
      const score = scores[at]?.[1];
      if (typeof score !== 'string') continue;
      const nowMs = wallMs();
      const untilMs = Math.floor(Number(score) / DELAY_SCORE_STEP);
      const isOverdue = untilMs < nowMs - MOST_OVERDUE_MS && item.notBeforeMs < nowMs - MOST_OVERDUE_MS;
      if (!isOverdue && untilMs <= Math.max(item.notBeforeMs, nowMs) + MOST_LATE_MS) continue;
      const job = await queueFor(item.host).getJob(item.id);
      if (job === undefined || !(await job.isDelayed())) continue;
      if (item.notBeforeMs > nowMs) await job.changeDelay(item.notBeforeMs - nowMs);
      else await job.promote();
    }
  }

  /** Puts what is above a sequence number in line, a page at a time. */
  async function addAfter(seq: number, areNews: boolean): Promise<void> {
    const read = (areNews && options.news) || options.pending;
    let afterSeq = seq;
    while (!isStopped) {
      const items = await read(afterSeq, PAGE);
      if (items.length > 0 && (areNews || !(await areInLine(items)))) {
        await add(items);
      }
      if (!areNews && items.length > 0) await hurryLate(items);
      if (items.length > 0) await sleep(areNews ? NEWS_REST_MS : PAGE_REST_MS);
      afterSeq = items.at(-1)?.seq ?? afterSeq;
      lastSeq = Math.max(lastSeq, afterSeq);
      if (items.length < PAGE) return;
    }
  }

  /** One pass at a time: news that come while Redis is away pile up in the ledger, not in memory. */
  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    try {
      while (wanted !== 'nothing' && !isStopped) {
        const areNews = wanted === 'news';
        wanted = 'nothing';
        // A wiped Redis has forgotten this too; what is new then comes behind what is older.
        const isFull = !areNews || (await queue.getGlobalConcurrency()) === null;
        if (isFull) {
          for (const each of [queue, ...ofHosts.values()])
            await each.setGlobalConcurrency(options.concurrency);
        }
        await addAfter(isFull ? 0 : lastSeq, !isFull);
      }
    } catch (error) {
      wanted = 'everything';
      if (!isStopped)
        seldom.warn({ event: 'line.failed', err: error }, 'line not in step, tried again later');
    } finally {
      isRunning = false;
    }
  }

  async function promote(id: string): Promise<void> {
    const host = await options.hostOf?.(id);
    const job = await queueFor(host).getJob(id);
    if (job === undefined) await add([{ id, seq: 0, notBeforeMs: 0, host }]);
    else if (await job.isDelayed()) await job.promote();
  }

  function want(what: 'news' | 'everything'): void {
    if (wanted !== 'everything') wanted = what;
    void run();
  }

  const reconcile = () => want('everything');
  connection.on('ready', reconcile);
  const timer = options.everyMs === undefined ? undefined : setInterval(reconcile, options.everyMs);
  if (connection.status === 'ready') reconcile();

  return {
    poke: () => want('news'),
    reconcile,
    hurry(id) {
      promote(id).catch((error) => seldom.warn({ event: 'line.failed', err: error }, 'job not hurried'));
    },
    async stop() {
      isStopped = true;
      clearInterval(timer);
      connection.off('ready', reconcile);
      await Promise.all([queue, ...ofHosts.values()].map((each) => each.close()));
    },
  };
}
