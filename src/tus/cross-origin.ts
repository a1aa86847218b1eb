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
];

/** How many more headers a preflight is allowed at once, and how long the name of each may be. */
const MAX_MORE = { names: 50, nameLength: 100 };

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
  response.setHeader('Access-Control-Allow-Headers', allowedHeaders(request));
  response.setHeader('Access-Control-Max-Age', MAX_AGE_S);
}

/**
 * What tus clients send, and whatever else the page wants to: tools that watch pages add headers of their own
 * (`baggage`, `sentry-trace`, `traceparent`), and nothing here goes by headers that it does not know.
 */
function allowedHeaders(request: IncomingMessage): string {
  const known = new Set(REQUEST_HEADERS.map((name) => name.toLowerCase()));
  const wanted = [request.headers['access-control-request-headers'] ?? ''].flat().join(',').split(',');
  const more = wanted
    .map((name) => name.trim())
    .filter((name) => name.length <= MAX_MORE.nameLength && /^[\w!#$%&'*+.^`|~-]+$/.test(name))
    .filter((name) => !known.has(name.toLowerCase()));
  return [...REQUEST_HEADERS, ...new Set(more)].slice(0, REQUEST_HEADERS.length + MAX_MORE.names).join(', ');
}
