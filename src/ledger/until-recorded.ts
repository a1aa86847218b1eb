import type { Logger } from 'pino';
import { pause } from '../lib/abort.ts';
import { isOfTheLedger } from './trouble.ts';

/** How soon it is tried again, in milliseconds. */
const PAUSE_MS = 1000;

/**
 * Records what has happened, for as long as it takes: what the ledger cannot take at this moment (a full disk, somebody
 * else who writes) would otherwise be done once more.
 *
 * @throws What the ledger says of the change itself, or once the signal has ended the waiting
 */
export async function untilRecorded<T>(
  record: () => Promise<T>,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
): Promise<T> {
  let hasSaid = false;
  for (;;) {
    try {
      return await record();
    } catch (error) {
      if (!isOfTheLedger(error) || signal.aborted) throw error;
      if (!hasSaid)
        log.warn({ event: 'ledger.not-written', err: error }, 'the ledger cannot be written, tried again');
      hasSaid = true;
      await pause(PAUSE_MS, signal).catch(() => {});
    }
  }
}
