import type { ErrorCode } from './error-catalogue.ts';

/**
 * Whether trying again can help: never; with the usual backoff; with it, and not before a delay; or after a delay that
 * costs no attempt, because it is the world that is not ready (a full disk, a service that is down).
 */
export type Retry = 'never' | 'backoff' | { readonly afterMs: number } | { readonly waitMs: number };

export interface KnownErrorOptions {
  readonly code: ErrorCode;
  /** Default `never`. */
  readonly retry?: Retry;
  readonly cause?: unknown;
  /** Facts for the log and the ledger; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * A failure that this program foresees. The message is for people; the code is stable, and is explained in
 * docs/errors.md. Anything else that is thrown is a bug, and is logged as one.
 */
export class KnownError extends Error {
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(message: string, options: KnownErrorOptions) {
    super(message, { cause: options.cause });
    this.name = 'KnownError';
    this.code = options.code;
    this.retry = options.retry ?? 'never';
    this.details = options.details ?? {};
  }
}

/** The error of a worker that is no longer the one at the gate. */
export function leaseLost(): KnownError {
  return new KnownError('Another worker has taken over this recording', { code: 'LEASE_LOST' });
}

/** The error of a recording that an operator wants to stop. */
export function stopAsked(): KnownError {
  return new KnownError('An operator has asked for this recording to stop', { code: 'STOP_ASKED' });
}

/** The codes that say that a service is not well, rather than that one recording is not. */
const OUTAGES: readonly ErrorCode[] = [
  'REMOTE_UNAVAILABLE',
  'REMOTE_THROTTLED',
  'REMOTE_UNAUTHORIZED',
  'REMOTE_CAP_EXCEEDED',
  'TRANSFER_STALLED',
];

/** Whether an error speaks of the service and would meet every other recording as well. */
export function isOutage(error: unknown): error is KnownError {
  return error instanceof KnownError && OUTAGES.includes(error.code);
}

/** What the ledger keeps of an error, and what people are shown: no stack, no secret. */
export interface ErrorSummary {
  readonly code: ErrorCode;
  readonly message: string;
}

let withoutSecrets = (text: string): string => text;

/**
 * Sets how this process blanks its secrets out of what it keeps and shows of errors: others write parts of their
 * messages. Each main does so once, before anything can fail.
 */
export function scrubSummaries(scrub: (text: string) => string): void {
  withoutSecrets = scrub;
}

/** Sums an error up; one that nobody foresaw becomes `UNEXPECTED`. */
export function summarize(error: unknown): ErrorSummary {
  const message = withoutSecrets(error instanceof Error ? error.message : String(error));
  return { code: error instanceof KnownError ? error.code : 'UNEXPECTED', message };
}

/** The `code` of a system error such as `ENOENT`, or `undefined`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
