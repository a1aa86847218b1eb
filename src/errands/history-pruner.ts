import type { Logger } from 'pino';
import type { Ledger } from '../ledger/ledger.ts';
import { pause, startRepeating } from '../lib/abort.ts';
import { wallMs } from '../lib/wall-time.ts';

/** How many events are looked through at once, and the rest after each time, in milliseconds: doors come first. */
const STEP = 500;
const REST_MS = 50;

/** Forgets now and again how recordings were brought home that ended long ago; `keepMs` 0: never. */
export function startPruning(options: {
  readonly pruning: Ledger['pruning'];
  readonly hosts: Pick<Ledger['hosts'], 'isFirst'>;
  readonly keepMs: number;
  readonly everyMs: number;
  readonly log: Logger;
}): { stop(): Promise<void> } {
  const { pruning, hosts, keepMs, everyMs, log } = options;
  if (keepMs === 0) return { stop: async () => {} };

  return startRepeating(async (signal) => {
    const beforeMs = wallMs() - keepMs;
    try {
      if (!(await hosts.isFirst())) return;
      await pruning.alarms(beforeMs);
      await pruning.deliveryAttempts(beforeMs);
      await pruning.audit(beforeMs);
      let afterSeq: number | undefined = 0;
      while (afterSeq !== undefined && !signal.aborted) {
        afterSeq = await pruning.events({ beforeMs, afterSeq, limit: STEP });
        await pause(REST_MS, signal);
      }
    } catch (error) {
      if (!signal.aborted)
        log.warn({ event: 'pruning.failed', err: error }, 'history not pruned, tried again');
    }
  }, everyMs);
}
