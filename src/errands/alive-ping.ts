import type { Logger } from 'pino';
import { repeat } from '../lib/abort.ts';
import { createSeldomLog } from '../lib/seldom-log.ts';

/** Pings again and again as long as all that has to move moves; what fails is tried again in the next turn. */
export function startAlivePing(options: {
  readonly ping: (signal: AbortSignal) => Promise<void>;
  /** Whether all that has to move does, as far as is known. */
  readonly isAllMoving: () => Promise<boolean>;
  readonly everyMs: number;
  readonly log: Logger;
}): { stop(): Promise<void> } {
  const { ping, isAllMoving, everyMs, log } = options;
  const complain = createSeldomLog(log);
  const stopping = new AbortController();
  const { signal } = stopping;

  const pinging = repeat(
    async () => {
      try {
        if (await isAllMoving()) await ping(signal);
      } catch (err) {
        if (!signal.aborted)
          complain.warn({ event: 'alarm.ping-failed', err }, 'could not say that all is well');
      }
    },
    everyMs,
    signal,
  );
  return {
    async stop() {
      stopping.abort();
      await pinging;
    },
  };
}
