import type { Logger } from 'pino';
import { orMachineTrouble } from '../domain/errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { startRepeating } from '../lib/abort.ts';

/** How often it is looked whether the wall clock has jumped, in milliseconds. */
const LOOK_EVERY_MS = 1000;

/** Follows the wall clock until it is stopped: where that jumps, what waits is moved along, in the ledger and in line. */
export function startClockWatch(options: {
  readonly ledger: Pick<Ledger, 'wallClock'>;
  readonly lines: { reconcile(): void };
  readonly log: Logger;
}) {
  const { ledger, lines, log } = options;
  return startRepeating(async () => {
    try {
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
