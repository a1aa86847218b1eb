import type { OutputPlace } from './ports/output-place.ts';

/** As many files are removed by one request. */
const AT_ONCE = 500;

interface How {
  readonly signal: AbortSignal;
  /** Asked before each request that removes; what it throws ends it. */
  readonly beforeEach?: () => Promise<void>;
  /** Keys of what stays. */
  readonly except?: readonly string[];
}

/** Removes what lies below a prefix in a place of outputs; returns how many files that were. */
export async function removeBelow(
  place: Pick<OutputPlace, 'list' | 'remove'>,
  prefix: string,
  how: How,
): Promise<number> {
  const keys: string[] = [];
  for await (const { key } of place.list({ prefix, signal: how.signal })) {
    if (!how.except?.includes(key)) keys.push(key);
  }
  await removeKeys(place, keys, how);
  return keys.length;
}

/** Removes files of a place of outputs, many at once. */
export async function removeKeys(
  place: Pick<OutputPlace, 'remove'>,
  keys: readonly string[],
  { signal, beforeEach }: How,
): Promise<void> {
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    await beforeEach?.();
    await place.remove({ keys: keys.slice(at, at + AT_ONCE), signal });
  }
}
