export interface Backoff {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait after the nth failed attempt (n from 1), doubling from `minMs` to `maxMs`, with up to a quarter
 * taken off by chance so that what failed together does not return together; `undefined` when no attempt is left.
 */
export function backoffMs(
  backoff: Backoff,
  failedAttempts: number,
  random: () => number,
): number | undefined {
  if (failedAttempts >= backoff.attempts) return undefined;
  const fullMs = Math.min(backoff.maxMs, backoff.minMs * 2 ** (failedAttempts - 1));
  return Math.round(fullMs * (1 - random() / 4));
}
