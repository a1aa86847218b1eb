import { KnownError } from '../../domain/errors.ts';
import { endlessPauseMs, nextAttempt } from '../../domain/next-attempt.ts';
import { pause } from '../../lib/abort.ts';

/** How the parts of one transfer are sent again. Whole recordings are the line's business. */
export interface TransferRetry {
  /** Attempts at one step. */
  readonly attempts: number;
  /** Milliseconds before the second attempt, doubling with each. */
  readonly pauseMs: number;
}

/** The longest that a transfer waits in place; what asks for more goes back to the line. */
const MAX_PAUSE_MS = 60_000;

/**
 * Runs one step of a transfer until it succeeds, fails for good, asks for a longer wait than fits here, or has failed
 * `attempts` times; then its last error is thrown.
 */
export async function retryInPlace<T>(
  retry: TransferRetry,
  signal: AbortSignal,
  step: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await step(attempt);
    } catch (error) {
      const waitMs = pauseAfter(error, attempt, retry);
      if (waitMs === undefined || attempt >= retry.attempts) throw error;
      await pause(waitMs, signal);
    }
  }
}

/** What nobody has foreseen, and what costs no attempt, is no business of a transfer. */
function pauseAfter(error: unknown, attempt: number, retry: TransferRetry): number | undefined {
  if (!(error instanceof KnownError)) return undefined;
  const pauses = { minMs: retry.pauseMs, maxMs: MAX_PAUSE_MS };
  const next = nextAttempt(
    error,
    endlessPauseMs(pauses, attempt, () => 0),
  );
  return next.kind === 'again' && next.afterMs <= MAX_PAUSE_MS ? next.afterMs : undefined;
}
