import { KnownError, type Retry } from '../../domain/errors.ts';
import { type Request, type Response, refusal } from '../../lib/http.ts';
import { readXml } from './xml.ts';

/** How long to leave a service alone that has no room for this account. */
const CAP_PAUSE_MS = 15 * 60_000;

/** Of whatever is written there is none that could be: who asks, where, or what it may. */
const UNAUTHORIZED_CODES = [
  'NoSuchBucket',
  'AuthorizationHeaderMalformed',
  'PermanentRedirect',
  'TemporaryRedirect',
  'InvalidBucketName',
  'AccountProblem',
];

/** The bytes came otherwise than they were sent. */
const CORRUPT_CODES = [
  'BadDigest',
  'InvalidDigest',
  'IncompleteBody',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
];

const BUSY_CODES = ['SlowDown', 'TooManyRequests', 'RequestLimitExceeded'];

/** Its own trouble, or one of the way there, in words of a request that was wrong. */
const UNAVAILABLE_CODES = [
  'InternalError',
  'ServiceUnavailable',
  'RequestTimeout',
  'OperationAborted',
  'ConditionalRequestConflict',
  'RequestTimeTooSkewed',
];

const CAP_CODES = [
  'QuotaExceeded',
  'ServiceQuotaExceeded',
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
];

/** What can never be carried out, whenever it is sent. */
const FINAL_CODES = [
  'KeyTooLongError',
  'EntityTooLarge',
  'MetadataTooLarge',
  'InvalidObjectName',
  'XMinioInvalidObjectName',
  'MethodNotAllowed',
];

/** The error code of an answer, as its body says it; `undefined` if it says none. */
export function codeIn(text: string): string | undefined {
  return errorIn(text)?.code;
}

function errorIn(text: string): { code: string; message: string } | undefined {
  // Most answers are long lists, or nothing.
  if (!text.includes('<Error')) return undefined;
  const read = readXml(text);
  if (read?.name !== 'Error' || typeof read.value === 'string') return undefined;
  const [code] = read.value['Code'] ?? [];
  const [message] = read.value['Message'] ?? [];
  return typeof code === 'string' ? { code, message: typeof message === 'string' ? message : '' } : undefined;
}

/**
 * The error for an answer: by the code in its body, whatever its status, else by its status. Its details have `s3Code` and
 * `status`.
 */
export function describeRefusal(
  request: Request,
  { status, headers }: Pick<Response, 'status' | 'headers'>,
  text: string,
): KnownError {
  const { code, message } = errorIn(text) ?? { code: undefined, message: text };
  const said = code === undefined ? text : [code, message].filter(Boolean).join(': ');
  // An error within an answer that began well is the service's own.
  const asStatus = status < 300 ? 500 : status;
  const error = refusal(request, asStatus, said, headers);
  const details = { ...error.details, status, s3Code: code };
  const as = (ours: KnownError['code'], retry: Retry, more = '') =>
    new KnownError(`${error.message}${more}`, { code: ours, retry, details });

  const isCapped = status === 507 || (status === 403 && /\bcap exceeded\b/i.test(message));
  if (isCapped || is(code, CAP_CODES)) return as('REMOTE_CAP_EXCEEDED', { waitMs: CAP_PAUSE_MS });
  if (is(code, UNAVAILABLE_CODES)) return as('REMOTE_UNAVAILABLE', retryOf(error));
  if (is(code, BUSY_CODES)) return as('REMOTE_THROTTLED', retryOf(error));
  if (is(code, UNAUTHORIZED_CODES) || status === 301 || status === 307) {
    const region = headers['x-amz-bucket-region'];
    const hint = typeof region === 'string' ? `; the bucket is in the region ${region} (S3_REGION)` : '';
    return as('REMOTE_UNAUTHORIZED', 'backoff', hint);
  }
  if (is(code, CORRUPT_CODES)) return as('TRANSFER_CORRUPT', 'backoff');
  // One refusal is no verdict, unless its code says that it cannot be otherwise the next time.
  const isFinal = is(code, FINAL_CODES);
  return as(error.code, error.retry === 'never' && !isFinal ? 'backoff' : error.retry);
}

/** Whether the service has not what was asked for, though it has the bucket. */
export function isAbsence(error: unknown): error is KnownError {
  if (!(error instanceof KnownError) || error.code !== 'REMOTE_REJECTED') return false;
  return error.details['status'] === 404;
}

/** Whether something was refused as it stands: a plain no. */
export function isRejection(error: unknown): error is KnownError {
  return error instanceof KnownError && error.code === 'REMOTE_REJECTED';
}

function is(code: string | undefined, codes: readonly string[]): boolean {
  return code !== undefined && codes.includes(code);
}

function retryOf({ retry }: KnownError): Retry {
  return retry === 'never' ? 'backoff' : retry;
}
