import type { Logger } from 'pino';
import { keepLast } from './keep-last.ts';

/** How long the same is not said again, in milliseconds, and of how many different things that is remembered. */
const QUIET_MS = 60_000;
const MAX_REMEMBERED = 100;

type Say = (fields: { readonly event: string; readonly err: unknown }, message: string) => void;

/**
 * Logs what goes on failing in the same way, again and again within seconds: the first time at once, and then once a
 * minute with how often it was meanwhile. What is the same: the event, and the error's message without its numbers and
 * ids.
 */
export function createSeldomLog(
  log: Pick<Logger, 'warn' | 'error'>,
  now: () => number = () => performance.now(),
): { warn: Say; error: Say } {
  const said = new Map<string, { atMs: number; repeats: number }>();

  const say =
    (level: 'warn' | 'error'): Say =>
    (fields, message) => {
      const what = fields.err instanceof Error ? fields.err.message : String(fields.err);
      const key = `${fields.event} ${what.replace(/\b(rec|msg)_\w+|[\da-f]{8}-[\da-f-]{27}|\d+/g, '#')}`;
      const before = said.get(key);
      if (before !== undefined && now() - before.atMs < QUIET_MS) {
        before.repeats += 1;
        return;
      }
      // Behind all others: the first one in the map is the one that was said the longest ago.
      keepLast(said, key, { atMs: now(), repeats: 0 }, MAX_REMEMBERED);
      log[level](before?.repeats ? { ...fields, repeats: before.repeats } : fields, message);
    };
  return { warn: say('warn'), error: say('error') };
}
