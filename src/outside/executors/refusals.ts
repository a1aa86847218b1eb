import type { ErrorCode } from '../../domain/error-catalogue.ts';
import { KnownError } from '../../domain/errors.ts';
import { type Request, type Response, refusal } from '../../lib/http.ts';
import { wallMs } from '../../lib/wall-time.ts';

/** Clocks that differ by less are the same: the time of an answer is told in whole seconds, and it was under way. */
const SAME_TIME_MS = 60_000;

/**
 * Whom a refusal speaks of: what an operator has to mend before any job can begin; a service that is asked too often or
 * has no room, or one that is not well, both of which heal; or the one job, which is refused however often it is sent.
 */
export type Verdict = 'mend' | 'busy' | 'down' | 'job';

const CODES = {
  mend: 'REMOTE_UNAUTHORIZED',
  busy: 'REMOTE_THROTTLED',
  down: 'REMOTE_UNAVAILABLE',
  job: 'REMOTE_REJECTED',
} as const satisfies Readonly<Record<Verdict, ErrorCode>>;

export interface Refusal {
  /** The words of the answer, as they are to be read. */
  readonly text: string;
  /** Default: as its status says. */
  readonly verdict?: Verdict | undefined;
  /** The code that the service itself has given. */
  readonly reason?: string | undefined;
  readonly hint?: string;
}

/** The error for an answer outside 2xx. Its details have `status` and `reason`. */
export function describeRefusal(
  request: Request,
  { status, headers }: Pick<Response, 'status' | 'headers'>,
  { text, verdict = verdictOn(status), reason, hint = '' }: Refusal,
): KnownError {
  const error = refusal(request, status, text, headers);
  const healing = error.retry === 'never' ? 'backoff' : error.retry;
  return new KnownError(`${error.message}${hint}`, {
    code: CODES[verdict],
    retry: verdict === 'job' ? 'never' : healing,
    details: { ...error.details, reason },
  });
}

/** What a status says by itself. Nothing follows redirects, so that one shows an address that is not right. */
export function verdictOn(status: number): Verdict {
  if (status === 429) return 'busy';
  if (status >= 500 || status === 408 || status === 425) return 'down';
  return status < 400 || [401, 403, 404].includes(status) ? 'mend' : 'job';
}

/** What a table says of the code that a service has given; `undefined`: nothing, or there is none. */
export function verdictIn(
  verdicts: Readonly<Record<string, Verdict>>,
  reason: string | undefined,
): Verdict | undefined {
  return reason !== undefined && Object.hasOwn(verdicts, reason) ? verdicts[reason] : undefined;
}

/** Whether a service has refused with this code of its own. */
export function isRefusedFor(error: unknown, reasons: readonly string[]): boolean {
  return error instanceof KnownError && reasons.some((reason) => error.details['reason'] === reason);
}

/** By how much our clock is wrong, where that may be why a signature is not taken; nothing if it is right. */
export function clockHint({ date = '' }: Response['headers']): string {
  const aheadMs = wallMs() - Date.parse(date);
  if (!(Math.abs(aheadMs) > SAME_TIME_MS)) return '';
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  return `; the clock of this machine is ${seconds} s ${aheadMs > 0 ? 'ahead' : 'behind'} (NTP)`;
}

/** @throws KnownError `EXECUTOR_TOO_LARGE` for a text that has more bytes in UTF-8 than the service takes */
export function requireFits(text: string, { label, maxBytes }: { label: string; maxBytes: number }): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return;
  throw new KnownError(`The job takes ${bytes} bytes to say, and ${label} takes ${maxBytes} at most`, {
    code: 'EXECUTOR_TOO_LARGE',
    details: { bytes, maxBytes },
  });
}
