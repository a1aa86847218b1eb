import { DelayedError, type Job, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { orMachineTrouble } from '../domain/errors.ts';
import type { Outcome } from '../domain/outcome.ts';
import { isOfTheLedger } from '../ledger/trouble.ts';
import { pause, withinTime } from '../lib/abort.ts';
import { createSeldomLog } from '../lib/seldom-log.ts';
import { byOwnClock } from '../lib/wall-time.ts';
import { isAway, KEY_PREFIX } from './connection.ts';

/** How often jobs of dead workers are looked for, in milliseconds. */
const STALLED_EVERY_MS = 1000;

/** How soon a job is run again that could not read or write the ledger, in milliseconds; the others could not either. */
const LEDGER_PAUSE_MS = 1000;

/** What BullMQ says again at each attempt to renew a lock that is gone, and once more when its job has ended. */
const LOCK_LOST = /^(could not renew lock for job |Missing (lock|key) for job )/;

export interface JobWorker {
  /** Whether it takes jobs, or would if there were any. */
  isRunning(): boolean;
  /** Takes no more jobs, asks the running ones to stop, and waits for them no longer than this. */
  stop(timeoutMs: number): Promise<void>;
}

/**
 * Runs `process` for each job in line. A worker that dies is noticed within `lockMs` and a second, and its job runs
 * again: `process` must not rely on being the only one (the ledger's gate sees to that), nor on running once.
 */
export function startJobWorker(options: {
  name: string;
  connection: Redis;
  concurrency: number;
  lockMs: number;
  process: (id: string, signal: AbortSignal) => Promise<Outcome>;
  log: Logger;
}): JobWorker {
  const { log } = options;
  const seldom = createSeldomLog(log);
  /** The jobs that run here and that Redis, which has forgotten them, would give to another worker. */
  const unlocked = new Set<string>();

  // BullMQ hands the signal only to a function of three parameters.
  async function run(job: Job<{ id: string }>, token?: string, signal?: AbortSignal): Promise<void> {
    const { id } = (job.data ?? {}) as { id?: unknown };
    // Whoever reaches Redis can put there what they like; what is no job of ours is done with.
    if (typeof id !== 'string')
      return log.warn({ event: 'job.foreign' }, 'a job that nobody of us has put in line');
    const outcome = await processInPlace(id, signal ?? new AbortController().signal).finally(() =>
      unlocked.delete(String(job.id)),
    );
    if (outcome === 'finished') return;
    if (outcome === 'given-back') {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    // BullMQ goes by this machine's clock.
    await job.moveToDelayed(byOwnClock(outcome.againAtMs), token);
    throw new DelayedError();
  }

  /** A job that the ledger or the disk has failed keeps its place in line. */
  async function processInPlace(id: string, signal: AbortSignal): Promise<Outcome> {
    try {
      return await options.process(id, signal);
    } catch (thrown) {
      const error = orMachineTrouble(thrown);
      if (!isOfTheLedger(error)) throw error;
      seldom.warn({ event: 'job.ledger-failed', err: error }, 'the ledger cannot be used, tried again');
      await pause(LEDGER_PAUSE_MS, signal).catch(() => {});
      return 'given-back';
    }
  }

  const worker = new Worker<{ id: string }>(options.name, run, {
    connection: options.connection,
    prefix: KEY_PREFIX,
    concurrency: options.concurrency,
    lockDuration: options.lockMs,
    stalledInterval: STALLED_EVERY_MS,
    // A job that outlived many workers is set aside by the ledger's count, not by this one.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    runRetryDelay: 1000,
  });
  // Who may go on says the ledger's lease, not Redis: so the work goes on, and this is worth one line.
  worker.on('lockRenewalFailed', (jobIds) => {
    for (const id of jobIds.filter((each) => !unlocked.has(each))) {
      unlocked.add(id);
      log.warn({ event: 'job.lock-lost', id }, 'Redis has forgotten a job that runs, which goes on');
    }
  });
  worker.on('error', (error) => {
    if (LOCK_LOST.test(error.message)) return;
    if (!isAway(error)) seldom.warn({ event: 'worker.error', err: error }, 'worker error');
  });
  worker.on('stalled', (jobId) =>
    log.warn({ event: 'job.stalled', id: jobId }, 'job of a dead worker taken over'),
  );

  /**
   * Redis ends a lock by its wall clock. One that was set back leaves a dead worker's lock, and the mark that somebody
   * looks for such, for as long as that; so none is left longer than it can last.
   */
  async function shortenLocks(): Promise<void> {
    const { connection, lockMs } = options;
    if (connection.status !== 'ready') return;
    const ids = await connection.lrange(worker.toKey('active'), 0, -1);
    const bounds = new Map(ids.map((id) => [`${worker.toKey(id)}:lock`, lockMs]));
    bounds.set(worker.toKey('stalled-check'), STALLED_EVERY_MS);
    for (const [key, longestMs] of bounds) {
      if ((await connection.pttl(key)) > longestMs + STALLED_EVERY_MS)
        await connection.pexpire(key, longestMs);
    }
  }
  const shortening = setInterval(() => {
    // What fails is tried again a moment later.
    shortenLocks().catch(() => {});
  }, 2 * STALLED_EVERY_MS);

  return {
    isRunning: () => worker.isRunning(),
    async stop(timeoutMs) {
      clearInterval(shortening);
      // Closing first: otherwise the loop picks the returned job up again.
      const closed = worker.close();
      worker.cancelAllJobs('shutting down');
      if (!(await withinTime(closed, timeoutMs))) {
        log.warn({ event: 'worker.abandoned' }, 'a job did not stop in time');
        void worker.close(true).catch(() => {});
      }
    },
  };
}
