import type { OutputPlace } from './ports/output-place.ts';

/** As many files are removed by one request. */
const AT_ONCE = 500;

/**
 * Removes what lies below a prefix in a place of outputs, but for the keys that are kept; returns how many files that were.
 *
 * @param how.beforeEach Asked before each request that removes; what it throws ends it.
 */
export async function removeBelow(
  place: Pick<OutputPlace, 'list' | 'remove'>,
  prefix: string,
  how: {
    readonly signal: AbortSignal;
    readonly kept?: ReadonlySet<string>;
    readonly beforeEach?: () => Promise<void>;
  },
): Promise<number> {
  const { signal, kept, beforeEach } = how;
  const keys: string[] = [];
  for await (const { key } of place.list({ prefix, signal })) if (!kept?.has(key)) keys.push(key);
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    await beforeEach?.();
    await place.remove({ keys: keys.slice(at, at + AT_ONCE), signal });
  }
  return keys.length;
}
