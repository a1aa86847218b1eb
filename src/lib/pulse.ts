import type { Logger } from 'pino';
import { repeat } from './abort.ts';
import { createSeldomLog } from './seldom-log.ts';

/** How often a process gives a sign of life at least, in milliseconds. */
const BEAT_EVERY_MS = 5000;

/** How a process shows that it lives and works. */
export interface Pulse {
  /** Notes that something of a recording has moved on. Costs nothing. */
  moved(): void;
  /** Why the last sign of life could not be written; `undefined` if it was, or none was due yet. */
  trouble(): Error | undefined;
  stop(): Promise<void>;
}

/**
 * Gives a sign of life now and every few seconds, for as long as the process does its work: one whose event loop hangs
 * gives none, one that cannot write gives none, and neither does one whose own loops have ended.
 *
 * @param options.write Writes it, with how much has moved since the last one.
 * @param options.isWorking Whether the loops of the process run.
 */
export function startPulse(options: {
  readonly write: (moved: number) => Promise<void>;
  readonly isWorking?: () => boolean;
  /** How often; at most five seconds. */
  readonly everyMs: number;
  readonly log: Logger;
}): Pulse {
  const { write, isWorking = () => true, log } = options;
  const complain = createSeldomLog(log);
  const stopping = new AbortController();
  let moved = 0;
  let trouble: Error | undefined;

  async function beat(): Promise<void> {
    if (!isWorking()) return;
    const told = moved;
    try {
      await write(told);
      moved -= told;
      trouble = undefined;
    } catch (error) {
      trouble = error instanceof Error ? error : new Error(String(error));
      complain.warn({ event: 'heartbeat.failed', err: error }, 'no sign of life could be written');
    }
  }

  const beating = repeat(beat, Math.min(options.everyMs, BEAT_EVERY_MS), stopping.signal);
  return {
    moved() {
      moved += 1;
    },
    trouble: () => trouble,
    async stop() {
      stopping.abort();
      await beating;
    },
  };
}
