import { type Backoff, backoffMs } from './backoff.ts';
import { KnownError } from './errors.ts';

/** What comes after an attempt that failed; times are milliseconds from now. */
export type NextAttempt =
  /** None: trying again cannot help, or no attempt is left. */
  | { readonly kind: 'none' }
  /** Not before a time, and the attempt does not count: the world was not ready. */
  | { readonly kind: 'postponed'; readonly afterMs: number }
  | { readonly kind: 'again'; readonly afterMs: number };

/**
 * Decides what comes after a failed attempt, by what the error says of itself; what nobody has foreseen may heal.
 *
 * @param ownMs The pause that whoever tries has for this attempt; `undefined`: it was the last.
 */
export function nextAttempt(error: unknown, ownMs: number | undefined): NextAttempt {
  const retry = error instanceof KnownError ? error.retry : 'backoff';
  if (typeof retry === 'object' && 'waitMs' in retry) return { kind: 'postponed', afterMs: retry.waitMs };
  if (retry === 'never' || ownMs === undefined) return { kind: 'none' };
  return { kind: 'again', afterMs: Math.max(ownMs, askedMs(error)) };
}

/** For how long an error asks to be left alone, in milliseconds; 0 of one that asks for nothing. */
export function askedMs(error: unknown): number {
  if (!(error instanceof KnownError) || typeof error.retry !== 'object') return 0;
  return 'waitMs' in error.retry ? error.retry.waitMs : error.retry.afterMs;
}

/** The pause after the nth failed attempt (n from 1) of what is tried until it succeeds, see {@link backoffMs}. */
export function endlessPauseMs(
  pauses: Omit<Backoff, 'attempts'>,
  failedAttempts: number,
  random: () => number = Math.random,
): number {
  const endless = { ...pauses, attempts: Number.POSITIVE_INFINITY };
  return backoffMs(endless, failedAttempts, random) ?? pauses.maxMs;
}
