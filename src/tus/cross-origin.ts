import type { IncomingMessage, ServerResponse } from 'node:http';

const METHODS = 'POST, HEAD, PATCH, DELETE, OPTIONS';

/** What tus clients send, also for parts of tus that are refused here: a page shall be able to read the refusal. */
const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Tus-Resumable',
  'Upload-Concat',
  'Upload-Defer-Length',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'X-HTTP-Method-Override',
  'X-Request-ID',
  'X-Requested-With',
].join(', ');

const ANSWER_HEADERS = [
  'Location',
  'Retry-After',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Resumable',
  'Tus-Version',
  'Upload-Expires',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
].join(', ');

/** How long a browser may remember the answer to its preflight, in seconds. */
const MAX_AGE_S = '600';

/**
 * Lets pages of these origins, and of no others, send uploads here and read every answer, refusals too. To be called
 * before anything is answered.
 */
export function allowPages(
  origins: ReadonlySet<string>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  response.setHeader('Vary', 'Origin');
  const { origin } = request.headers;
  if (origin === undefined || !origins.has(origin)) return;
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Access-Control-Expose-Headers', ANSWER_HEADERS);
  if (request.method !== 'OPTIONS') return;
  response.setHeader('Access-Control-Allow-Methods', METHODS);
  response.setHeader('Access-Control-Allow-Headers', REQUEST_HEADERS);
  response.setHeader('Access-Control-Max-Age', MAX_AGE_S);
}
