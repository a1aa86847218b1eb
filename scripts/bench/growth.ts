import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewRecording } from '../../src/domain/recording.ts';
import { openWholeLedger, type WholeLedger } from '../../src/outside/whole-ledger.ts';
import { startProcesses } from '../../test/support/processes.ts';
import { startRedis } from '../../test/support/redis.ts';
import type { Bench, BenchContext } from './bench.ts';
import { startChildScript } from './child-script.ts';
import { copyLedger, growLedger, makeAllWait, shrinkLedger } from './grown-ledger.ts';
import type { LinePasses } from './growth-line.ts';
import { openMovingHouse } from './moving-house.ts';
import { peakMemoryMib } from './process-costs.ts';
import { withScope } from './scope.ts';
import { makeFolder } from './sluice.ts';
import { median, spread } from './statistics.ts';
import { UNUSED_SERVICES } from './unused-services.ts';

const MIB = 1024 * 1024;
const ENOUGH_PASSES = 3;

/** How often each thing is done in a round; short rounds, the sizes in turn, so that other work meets all alike. */
const ACCEPTS = 20;
const REQUESTS = 20;

/** How many recordings a first page shows if nobody asks for more or fewer. */
const PAGE_ROWS = 50;

/** A ledger of one size, open, with a pipeline of its own before it. */
interface Grown {
  readonly count: number;
  readonly path: string;
  readonly ledger: WholeLedger;
  readonly url: string;
  readonly pid: number;
  /** Of the oldest recording: the one that a search finds last. */
  readonly oldest: { readonly id: string; readonly title: string };
  readonly acceptMs: number[];
  /** Of pages as long as the smallest ledger can fill, so that it is not their length that is compared. */
  readonly listMs: number[];
  readonly pageMs: number[];
  readonly searchMs: number[];
}

/** What the number of recordings in the ledger costs. */
export const growth: Bench = {
  name: 'growth',
  description:
    'accepting, listing, searching and reconciling with few and with many recordings in the ledger',
  settings: {
    few: 'recordings in the smallest ledger (default 10)',
    many: 'in the largest one (default 100000)',
  },
  rounds: 15,
  async run(context) {
    const { rounds, say, setting, signal } = context;
    const [few, many] = [setting('few', 10), setting('many', 100_000)];
    const middle = Math.round(Math.sqrt(few * many));
    const folder = await makeFolder(context);
    const template = join(folder, 'template.db');
    await bringOneHome(context, template);

    const all: Grown[] = [];
    for (const count of [few, middle, many]) {
      signal.throwIfAborted();
      all.push(await openGrown(context, { folder, template, count }));
      say(`a ledger of ${count} recordings`);
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const grown of all) {
        signal.throwIfAborted();
        await measureRound(grown, { pageRows: Math.min(PAGE_ROWS, few), isWarmUp: round === 1 });
      }
    }
    const largest = all.at(-1) as Grown;
    const canSearch = await findsOnly(largest);
    const memoryMib = await Promise.all(all.map(({ pid }) => peakMemoryMib(pid)));
    const ledgerMib = await Promise.all(all.map(async ({ path }) => (await stat(path)).size / MIB));
    say('accepted, listed and searched');
    const reconciled = await reconcileAll(context, largest, folder);

    const ratio = (of: 'acceptMs' | 'listMs' | 'pageMs' | 'searchMs') =>
      median(largest[of]) / median(all[0]?.[of] ?? []);
    const [firstPassMs = Number.NaN, ...laterMs] = reconciled.waiting.passesMs;
    return {
      figures: {
        'growth.accept_ratio': ratio('acceptMs'),
        'growth.list_ratio': ratio('listMs'),
        'growth.list_50_ratio': ratio('pageMs'),
        ...(canSearch
          ? { 'growth.search_ratio': ratio('searchMs'), 'growth.search_ms': median(largest.searchMs) }
          : {}),
        'growth.accept_ms': median(largest.acceptMs),
        'growth.list_ms': median(largest.listMs),
        'growth.list_50_ms': median(largest.pageMs),
        'growth.reconcile_done_ms': median(reconciled.done.passesMs.slice(1)),
        'growth.reconcile_first_ms': firstPassMs,
        'growth.reconcile_ms': median(laterMs),
        'growth.reconcile_more_mib': reconciled.waiting.moreMib,
        'growth.pipeline_more_mib': (memoryMib.at(-1) ?? Number.NaN) - (memoryMib[0] ?? Number.NaN),
        'growth.ledger_mib': ledgerMib.at(-1) ?? Number.NaN,
      },
      rows: [
        [
          'recordings',
          'accept ms',
          'min..max',
          'list ms',
          'min..max',
          'list 50 ms',
          'min..max',
          'search ms',
          'min..max',
          'pipeline MiB',
          'ledger MiB',
        ],
        ...all.map(({ count, acceptMs, listMs, pageMs, searchMs }, at) => [
          String(count),
          ...spread(acceptMs),
          ...spread(listMs),
          ...spread(pageMs),
          ...(canSearch ? spread(searchMs) : ['-', '-']),
          (memoryMib[at] ?? Number.NaN).toFixed(0),
          (ledgerMib[at] ?? Number.NaN).toFixed(1),
        ]),
      ],
      notes: [
        'Accept: the ledger takes a recording in, durably. List and search: HTTP, a page of 50, if there are so many; search by the oldest title.',
        `Reconcile: with ${many} done ${median(reconciled.done.passesMs.slice(1)).toFixed(1)} ms; with ${many} waiting ${(firstPassMs / 1000).toFixed(1)} s into an empty Redis, ${(median(laterMs) / 1000).toFixed(2)} s when all are in line; ${reconciled.waiting.moreMib.toFixed(0)} MiB more memory.`,
        ...(canSearch ? [] : ['The pipeline does not search.']),
      ],
      samples: {
        'growth.accept_ms': largest.acceptMs,
        'growth.list_ms': largest.listMs,
        'growth.reconcile_ms': laterMs,
      },
    };
  },
};

/** Lets one recording really come home, and keeps the ledger that tells of it. */
async function bringOneHome(context: BenchContext, path: string): Promise<void> {
  await withScope(async ({ defer }) => {
    const house = await openMovingHouse({ ...context, defer }, ['pipeline', 'worker'], {
      PLAYABLE_POLL_MIN_S: '0.1',
      PLAYABLE_POLL_MAX_S: '0.2',
    });
    const ledger = await openWholeLedger({ address: house.ledgerPath, leaseMs: 5000 });
    defer(() => ledger.close());
    await house.announce(await house.addMeeting('Lesson'));
    await house.untilDone(1);
    const isHeard = async () =>
      [...(await ledger.deliveries.pending()), ...(await ledger.watches.pending())].length === 0;
    while (!(await isHeard())) await sleep(50, undefined, { signal: context.signal });
    for (const name of ['pipeline', 'worker'] as const) await house.processes.kill(name, 'SIGTERM');
    copyLedger(house.ledgerPath, path);
  });
}

async function openGrown(
  context: BenchContext,
  { folder, template, count }: { folder: string; template: string; count: number },
): Promise<Grown> {
  const path = join(folder, `${count}.db`);
  copyLedger(template, path);
  growLedger(path, count);
  const ledger = await openWholeLedger({ address: path, leaseMs: 5000 });
  context.defer(() => ledger.close());
  const redis = await startRedis();
  context.defer(() => redis.stop());
  const processes = await startProcesses(
    { ...UNUSED_SERVICES, DATABASE_URL: `file:${path}`, REDIS_URL: redis.url },
    ['pipeline'],
  );
  context.defer(() => processes.stop());
  const [oldest] = (await ledger.recordings.newest(count)).slice(-1);
  if (oldest === undefined) throw new Error('the ledger is empty');
  return {
    count,
    path,
    ledger,
    url: `${processes.pipelineUrl}/api/recordings`,
    pid: processes.pid('pipeline'),
    oldest,
    acceptMs: [],
    listMs: [],
    pageMs: [],
    searchMs: [],
  };
}

async function measureRound(
  grown: Grown,
  { pageRows, isWarmUp }: { pageRows: number; isWarmUp: boolean },
): Promise<void> {
  const { count, path, ledger, url, oldest } = grown;
  const keep = (times: number[], values: readonly number[]) => {
    if (!isWarmUp) times.push(median(values));
  };
  keep(grown.acceptMs, await timesOf(ACCEPTS, () => ledger.recordings.accept(newRecording())));
  shrinkLedger(path, count);
  keep(grown.listMs, await timesOf(REQUESTS, () => get(`${url}?limit=${pageRows}`)));
  keep(grown.pageMs, await timesOf(REQUESTS, () => get(`${url}?limit=${PAGE_ROWS}`)));
  const query = new URLSearchParams({ limit: String(PAGE_ROWS), q: oldest.id });
  keep(grown.searchMs, await timesOf(REQUESTS / 4, () => get(`${url}?${query}`)));
}

async function timesOf(count: number, action: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const startMs = performance.now();
    await action();
    times.push(performance.now() - startMs);
  }
  return times;
}

async function get(url: string): Promise<{ recordings: { id: string }[] }> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`GET ${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as { recordings: { id: string }[] };
}

/** Whether the pipeline searches at all. */
async function findsOnly({ url, oldest }: Grown): Promise<boolean> {
  const { recordings } = await get(
    `${url}?${new URLSearchParams({ limit: String(PAGE_ROWS), q: oldest.id })}`,
  );
  return recordings.length === 1 && recordings[0]?.id === oldest.id;
}

function newRecording(): NewRecording {
  const id = randomUUID();
  return {
    source: 'zoom',
    naturalKey: `zoom:${id}`,
    aceId: null,
    title: `Lesson ${id}`,
    origin: {
      kind: 'zoom',
      downloadUrl: `https://us02web.zoom.us/rec/webhook_download/${id}`,
      downloadToken: 'x'.repeat(160),
      bytes: 500_000_000,
      eventAtMs: Date.now(),
    },
    details: { meeting_id: '80000000000', meeting_uuid: id, topic: 'Lesson', recording_id: id },
  };
}

/** Looks through a ledger of many recordings that are done, and of as many that wait. */
async function reconcileAll(context: BenchContext, { path, ledger }: Grown, folder: string) {
  const passesOver = (ledgerPath: string) =>
    withScope(async (scope) => {
      const redis = await startRedis();
      scope.defer(() => redis.stop());
      const line = startChildScript(scope, join(import.meta.dirname, 'growth-line.ts'));
      return await line.ask<LinePasses>({
        ledgerPath,
        socketPath: redis.socketPath,
        passes: 1 + ENOUGH_PASSES,
      });
    });

  const done = await passesOver(path);
  const waitingPath = join(folder, 'waiting.db');
  copyLedger(path, waitingPath);
  makeAllWait(waitingPath);
  context.say(`looked through ${(await ledger.recordings.newest(1))[0]?.seq} that are done`);
  return { done, waiting: await passesOver(waitingPath) };
}
