import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Ledger } from '../ledger/ledger.ts';
import { spaceOf } from '../lib/disk.ts';
import { countUploads } from '../lib/upload-bytes.ts';
import { wallMs } from '../lib/wall-time.ts';
import type { VitalsWatch } from './vitals.ts';

/** How often events are counted while nobody asks, in milliseconds, and how many in one go. */
const COUNT_EVERY_MS = 5000;
const BATCH = 500;

/** What metrics are made of: totals that the ledger keeps, and how things stand now. */
export function createMeasurements(options: {
  readonly ledger: Pick<
    Ledger,
    'tallies' | 'overview' | 'deliveries' | 'circuits' | 'switches' | 'alarms' | 'heartbeats'
  >;
  readonly dataDir: string;
  readonly diskReserveBytes: number;
  readonly vitals: Pick<VitalsWatch, 'look'>;
  readonly log: Logger;
}) {
  const { dataDir, diskReserveBytes, vitals, log } = options;
  const { tallies, overview, deliveries, circuits, switches, alarms, heartbeats } = options.ledger;
  let isStopped = false;

  /** Counts what nobody has counted yet; long only the first time with an old ledger. */
  async function catchUp(): Promise<void> {
    try {
      while (!isStopped && !(await tallies.catchUp(BATCH))) await nextTurn();
    } catch (error) {
      log.warn({ event: 'tallies.failed', err: error }, 'events were not counted, it is tried again');
    }
  }

  let counting = catchUp();
  const timer = setInterval(() => {
    counting = counting.then(catchUp);
  }, COUNT_EVERY_MS);

  return {
    async read() {
      // One step, so that an answer never waits for a long history.
      await tallies.catchUp(BATCH);
      const oldestMs = (await overview.longestWaiting())?.sinceMs;
      const seen = await vitals.look();
      const isTusUp = seen.apps.some(({ app, state }) => app === 'tus' && state === 'ok');
      const tus = (await heartbeats.own()).find(({ app }) => app === 'tus');
      const isGone = (await switches.get('site.gone')) !== undefined;
      return {
        tallies: await tallies.all(),
        recordings: await overview.counts(),
        longestWaitingS: oldestMs === undefined ? 0 : Math.max(0, wallMs() - oldestMs) / 1000,
        deliveries: await deliveries.counts(),
        circuits: (await circuits.all()).map(({ service, failures, openUntilMs }) => ({
          service,
          failures,
          isOpen: openUntilMs > wallMs(),
        })),
        alarms: await alarms.counts(),
        // Of one that is silent the last word is no longer true.
        uploadConnections: (isTusUp && tus?.connections) || 0,
        uploads: await countUploads(`${dataDir}/uploads`),
        disk: { ...(await spaceOf(dataDir)), reserveBytes: diskReserveBytes },
        isPaused: (await switches.get('line.paused')) !== undefined,
        isSiteGone: isGone,
        redis: seen.redis.state,
        apps: seen.apps,
        hosts: seen.hosts.map(({ host, ...vital }) => ({ ...host, ...vital })),
        dueS: (seen.dueMs ?? 0) / 1000,
        progressS: (seen.progressMs ?? 0) / 1000,
        isStandingStill: seen.standstill !== undefined,
        isLedgerWritable: seen.ledgerTrouble === undefined,
      };
    },

    async stop(): Promise<void> {
      isStopped = true;
      clearInterval(timer);
      await counting;
    },
  };
}
