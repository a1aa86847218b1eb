import type { Logger } from 'pino';
import { wallMs } from '../../lib/wall-time.ts';
import type { ZoomCheckOutcome, ZoomChecks } from './tables/checks.ts';

/** How long counts are gathered before they are written, in milliseconds: who knocks often does not make it write often. */
const GATHER_MS = 1000;

/** Counts how the checks at Zoom's door go. */
export interface ZoomCheckCounter {
  count(outcome: ZoomCheckOutcome): void;
  /** Writes what was gathered. */
  stop(): Promise<void>;
}

export function createZoomCheckCounter(options: { checks: ZoomChecks; log: Logger }): ZoomCheckCounter {
  const { checks, log } = options;
  let counted: Partial<Record<ZoomCheckOutcome, { count: number; lastAtMs: number }>> = {};
  let timer: NodeJS.Timeout | undefined;

  async function write(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const gathered = counted;
    counted = {};
    if (Object.keys(gathered).length === 0) return;
    await checks
      .add(gathered)
      .catch((error) => log.warn({ event: 'zoom-checks.failed', err: error }, 'checks were not counted'));
  }

  return {
    count(outcome) {
      counted[outcome] = { count: (counted[outcome]?.count ?? 0) + 1, lastAtMs: wallMs() };
      timer ??= setTimeout(() => void write(), GATHER_MS).unref();
    },
    stop: write,
  };
}
