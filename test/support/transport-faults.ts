import type { Fault } from '../../simulators/shared/faults.ts';
import type { ErrorCode } from '../../src/domain/error-catalogue.ts';
import type { Retry } from '../../src/domain/errors.ts';

/** A misbehaviour of any service, and what every client makes of it. */
export type TransportFault = readonly [name: string, fault: Omit<Fault, 'on'>, code: ErrorCode, retry: Retry];

const HTML = { headers: { 'content-type': 'text/html' }, body: '<!doctype html><h1>Maintenance</h1>' };

/** How long the clients of these tests wait for a byte, in milliseconds. */
export const IDLE_TIMEOUT_MS = 300;

/** What can happen to any request, whatever it is about. */
export const TRANSPORT_FAULTS: readonly TransportFault[] = [
  ['a 503', { status: 503 }, 'REMOTE_UNAVAILABLE', 'backoff'],
  [
    'a 503 with Retry-After',
    { status: 503, headers: { 'retry-after': '2' } },
    'REMOTE_UNAVAILABLE',
    { afterMs: 2000 },
  ],
  [
    'a 503 that asks for a century',
    { status: 503, headers: { 'retry-after': '3153600000' } },
    'REMOTE_UNAVAILABLE',
    { afterMs: 86_400_000 },
  ],
  ['a 500 with a web page', { status: 500, ...HTML }, 'REMOTE_UNAVAILABLE', 'backoff'],
  ['a 502', { status: 502 }, 'REMOTE_UNAVAILABLE', 'backoff'],
  ['a 408', { status: 408 }, 'REMOTE_UNAVAILABLE', 'backoff'],
  ['a 429', { status: 429 }, 'REMOTE_THROTTLED', 'backoff'],
  [
    'a 429 with Retry-After',
    { status: 429, headers: { 'retry-after': '7' } },
    'REMOTE_THROTTLED',
    { afterMs: 7000 },
  ],
  ['a connection dropped before anything', { drop: 'before-handling' }, 'REMOTE_UNAVAILABLE', 'backoff'],
  ['a connection dropped once all was done', { drop: 'after-handling' }, 'REMOTE_UNAVAILABLE', 'backoff'],
  ['silence', { stall: true }, 'TRANSFER_STALLED', 'backoff'],
];

/** What can happen to a request that is answered with JSON, besides. */
export const JSON_FAULTS: readonly TransportFault[] = [
  ['a web page with status 200', { status: 200, ...HTML }, 'REMOTE_ANSWER_INVALID', 'backoff'],
  ['JSON of another shape', { status: 200, body: '{"unexpected":[]}' }, 'REMOTE_ANSWER_INVALID', 'backoff'],
  ['an empty answer', { status: 200 }, 'REMOTE_ANSWER_INVALID', 'backoff'],
  ['an answer that breaks off', { cutAfterBytes: 10 }, 'REMOTE_UNAVAILABLE', 'backoff'],
];

/** What can happen to a request with a body, besides. */
export const BODY_FAULTS: readonly TransportFault[] = [
  [
    'a connection dropped in the middle of the body',
    { drop: 'during-body', cutAfterBytes: 7 },
    'REMOTE_UNAVAILABLE',
    'backoff',
  ],
  ['a connection dropped at the first byte', { drop: 'during-body' }, 'REMOTE_UNAVAILABLE', 'backoff'],
];
