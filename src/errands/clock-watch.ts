import type { Logger } from 'pino';
import { orMachineTrouble } from '../domain/errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { startRepeating } from '../lib/abort.ts';
import { isOwnClockRight } from '../lib/wall-time.ts';

/** How often it is looked whether the wall clock has jumped, in milliseconds. */
const LOOK_EVERY_MS = 1000;

/** How wrong a clock may be beside the ledger's, and how often the line is looked through by a host where it is, in milliseconds. */
const RIGHT_WITHIN_MS = 1000;
const LINE_EVERY_MS = 5000;

/** Follows the wall clock until it is stopped: where that jumps, what waits is moved along, in the ledger and in line. */
export function startClockWatch(options: {
  readonly ledger: Pick<Ledger, 'wallClock'>;
  readonly lines: { reconcile(): void };
  readonly log: Logger;
}) {
  const { ledger, lines, log } = options;
  let lookedAtMs = Number.NEGATIVE_INFINITY;

  /** By a clock that is wrong jobs in Redis wait too long, or too short. */
  function makeUpForClock(): void {
    if (isOwnClockRight(RIGHT_WITHIN_MS) || performance.now() - lookedAtMs < LINE_EVERY_MS) return;
    lookedAtMs = performance.now();
    lines.reconcile();
  }

  return startRepeating(async () => {
    try {
      makeUpForClock();
      const jumpMs = await ledger.wallClock.follow();
      if (jumpMs === 0) return;
      log.warn(
        { event: 'clock.jumped', jumpMs },
        'the clock of this machine was set, what waits is moved along',
      );
      lines.reconcile();
    } catch (error) {
      log.warn({ event: 'clock.not-followed', err: orMachineTrouble(error) }, 'looked at again');
    }
  }, LOOK_EVERY_MS);
}
