import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import net, { type LookupFunction, type Socket } from 'node:net';
import tls from 'node:tls';
import type { z } from 'zod';
import { KnownError, machineTrouble, type Retry } from '../domain/errors.ts';
import { lengthFrom, retryAfterMs } from './headers.ts';

/** The largest JSON answer that is read, in bytes. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;

/** The longest wait that a service may ask for; Zoom's daily limit asks for a day. Longer ones are mistakes. */
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

/** The fewest bytes per second, over the time of the idle limit, at which a request counts as moving, unless it says otherwise. */
const MIN_BYTES_PER_SECOND = 1024;

/** How often, within the idle limit, it is looked how far a request has come. */
const LOOKS_PER_LIMIT = 10;

/** How many idle limits a small answer may take in all, once its first byte is there. */
const MAX_ANSWER_LIMITS = 5;

/** How often it is looked how much of a chunk has left, in milliseconds: on a slow line one lasts for many seconds. */
const SENT_LOOK_MS = 250;

/** How much of an error page goes into a message, in characters. */
const MAX_QUOTED = 200;

const SECRET_HEADERS = [
  'authorization',
  'accesskey',
  'authorizationsignature',
  'webhook-signature',
  'x-amz-security-token',
];

export interface Request {
  /** As people call the service: `Zoom`, `Backblaze B2`, `Bunny Stream`, `the website`. */
  readonly service: string;
  readonly method: string;
  readonly url: string;
  /** The path itself opens something, so errors name the host only. */
  readonly isPathSecret?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | StreamedBody;
  readonly signal: AbortSignal;
  /** No byte in either direction for this long is a failure, unless it is the body's next chunk that is waited for. */
  readonly idleTimeoutMs: number;
  /**
   * The least rate: fewer bytes per second than this in both directions, measured over the idle limit, are as good as
   * none. Time in which it is we who are late does not count. Default {@link MIN_BYTES_PER_SECOND}.
   */
  readonly minBytesPerSecond?: number | undefined;
  /** Resolves host names; the place for refusing some addresses. */
  readonly lookup?: LookupFunction;
}

/** A body of known length that is sent as it comes, which may take as long as it likes. */
export interface StreamedBody {
  readonly bytes: number;
  /** Each is used until the next one is asked for. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Which digest of the bytes is wanted: it is there once they have been sent. */
  readonly digest?: 'sha1' | 'md5';
  /** Sends that digest in hex behind the bytes; the request is that much longer. */
  readonly appendsDigest?: boolean;
  /** Hears how many of the bytes this machine's network has taken, a few times a second while there are more. */
  readonly onSent?: ((sentBytes: number) => void) | undefined;
}

export interface Response {
  readonly status: number;
  readonly headers: Readonly<http.IncomingHttpHeaders>;
  /** The answer's body, to be read to its end or destroyed. */
  readonly body: IncomingMessage;
  /** The digest of the streamed request body in hex, where one was asked for and all of it was sent. */
  readonly sentDigest: string | undefined;
}

const httpAgent = new http.Agent({ keepAlive: true });
const httpsAgent = createHttpsAgent();
/** Of connections to addresses that were checked: one that was made without is not used for them. */
const checkedAgent = createHttpsAgent();

/** The connection below each encrypted one: only that can be reset. */
const below = new WeakMap<Socket, Socket>();

function createHttpsAgent(): https.Agent {
  const agent = new https.Agent({ keepAlive: true });
  const createConnection = (options: net.NetConnectOpts & tls.ConnectionOptions) => {
    const connection = net.connect(options);
    const encrypted = tls.connect({ ...options, socket: connection });
    below.set(encrypted, connection);
    return encrypted;
  };
  return Object.assign(agent, { createConnection });
}

/**
 * Sends one request, once, without following redirects, and resolves with any answer whatever its status.
 *
 * @throws KnownError `REMOTE_UNAVAILABLE` or `TRANSFER_STALLED`; or the reason of the signal.
 */
export async function send(request: Request): Promise<Response> {
  const { body, signal } = request;
  signal.throwIfAborted();
  const url = new URL(request.url);
  const isTls = url.protocol === 'https:';
  const length = typeof body === 'object' ? body.bytes + trailerBytes(body) : Buffer.byteLength(body ?? '');
  const hasLength = body !== undefined || ['POST', 'PUT', 'PATCH'].includes(request.method);

  const outgoing = (isTls ? https : http).request(url, {
    method: request.method,
    agent: isTls ? (request.lookup ? checkedAgent : httpsAgent) : httpAgent,
    headers: {
      'user-agent': 'sluice',
      ...request.headers,
      ...(hasLength ? { 'content-length': String(length) } : {}),
    },
    ...(request.lookup ? { lookup: request.lookup } : {}),
    timeout: request.idleTimeoutMs,
  });
  let incoming: IncomingMessage | undefined;
  let givenUp: Error | undefined;
  const giveUp = (reason: Error) => {
    givenUp = reason;
    reset(outgoing);
    (incoming ?? outgoing).destroy(reason);
  };
  const onAbort = () => giveUp(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  outgoing.once('close', () => signal.removeEventListener('abort', onAbort));
  const pace = createPace();
  // A connection may break after its answer began; whoever reads the body hears of it there.
  outgoing.on('error', () => {});
  outgoing.on('timeout', () => {
    // It is not the service that keeps us waiting.
    if (pace.isSourceLate() || rate.wasOurTurn()) outgoing.setTimeout(request.idleTimeoutMs);
    else giveUp(stalled(request));
  });
  const rate = watchRate(request, outgoing, {
    pace,
    isUnread: () => isUnread(incoming),
    onTooSlow: () => giveUp(stalled(request)),
  });

  const answered = once(outgoing, 'response').then(([answer]: IncomingMessage[]) => {
    incoming = answer;
    rate.restart();
    return answer as IncomingMessage;
  });
  try {
    const sentDigest = await sendBody(outgoing, body, answered, pace);
    if (incoming === undefined) rate.restart();
    const answer = await answered;
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: answer, sentDigest };
  } catch (error) {
    answered.catch(() => {});
    reset(outgoing);
    outgoing.destroy();
    throw unreachable(request, givenUp ?? error);
  }
}

/**
 * Breaks the connection of a request that is not over, so that nothing more of it arrives: of one that is only closed
 * the kernel goes on to send what it holds, megabytes on a slow line, and the service may carry it out.
 */
function reset(outgoing: http.ClientRequest): void {
  const { socket } = outgoing;
  // The connection of one that is over serves others.
  if (socket === null || outgoing.destroyed || socket.destroyed || socket.connecting) return;
  (below.get(socket) ?? socket).resetAndDestroy();
}

/** Who is waited for while a body is sent, and how long it has been us. */
interface Pace {
  isSourceLate(): boolean;
  /** Milliseconds in all for which the service has waited for our source. */
  lateMs(): number;
  waitsForSource(): void;
  waitsForService(): void;
}

function createPace(): Pace {
  let lateSinceMs: number | undefined;
  let pastMs = 0;
  const sinceMs = () => (lateSinceMs === undefined ? 0 : performance.now() - lateSinceMs);
  return {
    isSourceLate: () => lateSinceMs !== undefined,
    lateMs: () => pastMs + sinceMs(),
    waitsForSource() {
      lateSinceMs ??= performance.now();
    },
    waitsForService() {
      pastMs += sinceMs();
      lateSinceMs = undefined;
    },
  };
}

/** Whether it is we who are late: bytes have come that nobody has taken yet, or all of them have. */
function isUnread(incoming: IncomingMessage | undefined): boolean {
  return incoming !== undefined && (incoming.readableLength > 0 || incoming.complete);
}

/**
 * Watches that a request moves at its least rate: in its body, until the answer begins, and in the answer, each of which
 * begins a time of its own by `restart`.
 */
function watchRate(
  { idleTimeoutMs, minBytesPerSecond = MIN_BYTES_PER_SECOND }: Request,
  outgoing: http.ClientRequest,
  watched: { pace: Pace; isUnread: () => boolean; onTooSlow: () => void },
): {
  restart(): void;
  /** Whether, within the idle limit, it was us who did not take what had come. */
  wasOurTurn(): boolean;
} {
  const { pace } = watched;
  const lookMs = idleTimeoutMs / LOOKS_PER_LIMIT;
  let unreadAtMs = Number.NEGATIVE_INFINITY;
  const minBytes = (minBytesPerSecond * idleTimeoutMs) / 1000;
  let start = { atMs: 0, lateMs: 0, bytes: 0 };

  /** Time in which the service could have moved bytes. */
  const passedMs = () => performance.now() - start.atMs - (pace.lateMs() - start.lateMs);

  function restart(): void {
    start = { atMs: performance.now(), lateMs: pace.lateMs(), bytes: bytesMoved(outgoing.socket) };
  }

  function look(): void {
    if (watched.isUnread()) {
      unreadAtMs = performance.now();
      restart();
    }
    if (passedMs() < idleTimeoutMs) return;
    if (bytesMoved(outgoing.socket) - start.bytes >= minBytes) restart();
    else watched.onTooSlow();
  }

  const timer = setInterval(look, lookMs);
  restart();
  // A connection may be an old one, whose earlier bytes are not this request's.
  outgoing.once('socket', restart);
  outgoing.once('close', () => clearInterval(timer));
  return {
    restart,
    wasOurTurn: () => watched.isUnread() || performance.now() - unreadAtMs < idleTimeoutMs - lookMs,
  };
}

/** What a connection has moved in both directions; what still waits in our own memory has not left. */
function bytesMoved(socket: Socket | null): number {
  if (socket === null) return 0;
  return socket.bytesRead + socket.bytesWritten - queuedBytes(socket);
}

/**
 * How much of what was written waits for the other side to read; Node's own idle timer looks there as well. An encrypted
 * connection itself would count what it was given as waiting until all of that has left.
 */
function queuedBytes(socket: Socket): number {
  const handle: unknown = Reflect.get(below.get(socket) ?? socket, '_handle');
  if (typeof handle !== 'object' || handle === null || !('writeQueueSize' in handle)) return 0;
  return typeof handle.writeQueueSize === 'number' ? handle.writeQueueSize : 0;
}

/**
 * Writes the body with back pressure: the next chunk is asked for once the last one has left. Returns its digest where
 * that is asked for. A service that answers before it has heard all is not sent the rest.
 */
async function sendBody(
  outgoing: http.ClientRequest,
  body: Request['body'],
  answered: Promise<IncomingMessage>,
  pace: Pace,
): Promise<string | undefined> {
  if (typeof body !== 'object') {
    outgoing.end(body);
    return undefined;
  }
  const unlessAnswered = createInterruption(answered);
  const sent = watchSent(outgoing, body.onSent);
  const hash = body.digest && createHash(body.digest);
  const chunks = body.chunks[Symbol.asyncIterator]();
  let leftBytes = body.bytes;
  try {
    for (;;) {
      pace.waitsForSource();
      const next = await unlessAnswered(chunks.next());
      pace.waitsForService();
      if (next === 'answered') break;
      if (next.done) {
        if (leftBytes !== 0) throw endedEarly(leftBytes);
        const digest = hash?.digest('hex');
        outgoing.end(body.appendsDigest ? digest : undefined);
        return digest;
      }
      const chunk = next.value;
      leftBytes -= chunk.length;
      const written = write(outgoing, chunk);
      sent.begins(body.bytes - leftBytes);
      hash?.update(chunk);
      if ((await unlessAnswered(written)) === 'answered') break;
      sent.ends();
    }
  } finally {
    sent.stop();
  }
  void chunks.return?.();
  const answer = await answered;
  answer.once('close', () => {
    reset(outgoing);
    outgoing.destroy();
  });
  return undefined;
}

/** Tells how much of a body has left, chunk by chunk and, of one that takes long, in between. */
function watchSent(outgoing: http.ClientRequest, onSent: StreamedBody['onSent']) {
  if (onSent === undefined) return { begins() {}, ends() {}, stop() {} };
  let toldBytes = 0;
  /** What will have left with the chunk that is leaving. */
  let untilBytes = 0;

  function tell(sentBytes: number): void {
    if (sentBytes <= toldBytes) return;
    toldBytes = sentBytes;
    onSent?.(sentBytes);
  }
  const timer = setInterval(() => tell(untilBytes - unsentBytes(outgoing.socket)), SENT_LOOK_MS);
  return {
    begins(bytes: number) {
      untilBytes = bytes;
    },
    ends: () => tell(untilBytes),
    stop: () => clearInterval(timer),
  };
}

/** How much of what was written the network has not taken yet; of a connection that is not made yet, all. */
function unsentBytes(socket: Socket | null): number {
  if (socket === null || socket.connecting || ('secureConnecting' in socket && socket.secureConnecting))
    return Number.POSITIVE_INFINITY;
  return queuedBytes(socket);
}

/** Sends a chunk; resolves once its memory is free again. Of a failure the request itself tells. */
function write(outgoing: http.ClientRequest, chunk: Buffer): Promise<'written'> {
  return new Promise((resolve) => {
    outgoing.write(chunk, (error) => {
      if (!error) resolve('written');
    });
  });
}

/**
 * Lets each wait end early, with `answered` or the failure of that, once the answer is there. Not by `Promise.race`,
 * which would keep what every wait has brought until the answer comes: the whole body, that is.
 */
function createInterruption(answered: Promise<unknown>): <T>(waited: Promise<T>) => Promise<T | 'answered'> {
  let outcome: 'answered' | { readonly error: unknown } | undefined;
  let interrupt = (): void => {};
  answered.then(
    () => {
      outcome = 'answered';
      interrupt();
    },
    (error: unknown) => {
      outcome = { error };
      interrupt();
    },
  );
  return (waited) =>
    new Promise((resolve, reject) => {
      interrupt = () => {
        if (outcome === 'answered') resolve(outcome);
        else if (outcome !== undefined) reject(outcome.error);
      };
      waited.then(resolve, reject);
      interrupt();
    });
}

/** How many hex digits are sent behind a body. */
function trailerBytes({ digest, appendsDigest }: StreamedBody): number {
  if (digest === undefined || !appendsDigest) return 0;
  return digest === 'sha1' ? 40 : 32;
}

function endedEarly(leftBytes: number): KnownError {
  return new KnownError(`The file ended ${leftBytes} bytes before its announced length`, {
    code: 'SOURCE_CHANGED',
  });
}

/** Reads a small answer to its end as text. */
export async function readText(request: Request, response: Response): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const limit = setTimeout(
    () => response.body.destroy(stalled(request)),
    request.idleTimeoutMs * MAX_ANSWER_LIMITS,
  );
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_JSON_BYTES) {
        throw new KnownError(`${request.service} sent an answer of more than ${MAX_JSON_BYTES} bytes`, {
          code: 'REMOTE_ANSWER_INVALID',
          retry: 'backoff',
        });
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw unreachable(request, error);
  } finally {
    clearTimeout(limit);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The bytes of an answer as they come.
 *
 * @throws KnownError for what ended them early
 */
export async function* chunksOf(request: Request, { body }: Response): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw unreachable(request, error);
  }
}

/** Lets go of an answer whose body nobody needs. */
export function dismiss(response: Response): void {
  if ((lengthFrom(response.headers['content-length']) ?? 0) > 64 * 1024) response.body.destroy();
  else response.body.resume();
}

/**
 * Sends a request, checks that the answer is a success and of the given shape, and returns it.
 *
 * @param describe Turns an answer outside 2xx into the error to throw; by default {@link refusal}.
 */
export async function sendForJson<T>(
  request: Request,
  shape: z.ZodType<T>,
  describe: (request: Request, status: number, text: string, headers: Response['headers']) => Error = refusal,
): Promise<T> {
  const response = await send(request);
  const text = await readText(request, response);
  if (response.status < 200 || response.status > 299)
    throw describe(request, response.status, text, response.headers);
  return parseJson(request, text, shape);
}

/** @throws KnownError `REMOTE_ANSWER_INVALID` */
export function parseJson<T>(request: Request, text: string, shape: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidAnswer(request, 'not JSON', cause);
  }
  const parsed = shape.safeParse(value);
  if (!parsed.success) throw invalidAnswer(request, 'not of the documented shape', parsed.error);
  return parsed.data;
}

/** The error for an answer outside 2xx, by the meaning that its status has everywhere. */
export function refusal(
  request: Request,
  status: number,
  text: string,
  headers: Response['headers'],
): KnownError {
  const message = `${request.service} answered ${name(request)} with ${status}${quote(withoutSecrets(text, request))}`;
  const details = { status };
  const afterMs = retryAfterMs(headers['retry-after'], Date.now());
  const retry: Retry = afterMs === undefined ? 'backoff' : { afterMs: Math.min(afterMs, MAX_RETRY_AFTER_MS) };
  if (status === 429) return new KnownError(message, { code: 'REMOTE_THROTTLED', retry, details });
  if (status >= 500 || status === 408)
    return new KnownError(message, { code: 'REMOTE_UNAVAILABLE', retry, details });
  // A key may be repaired while the recording waits.
  if (status === 401 || status === 403) {
    return new KnownError(message, { code: 'REMOTE_UNAUTHORIZED', retry: 'backoff', details });
  }
  return new KnownError(message, { code: 'REMOTE_REJECTED', retry: 'never', details });
}

/** A request as a message names it: without query, which may hold a secret. */
export function name(request: Request): string {
  const url = new URL(request.url);
  return `${request.method} ${url.host}${request.isPathSecret ? '' : url.pathname}`;
}

/** Turns what broke a connection into our words; what is ours already, and an abort, stay what they are. */
export function unreachable(request: Request, error: unknown): unknown {
  if (request.signal.aborted) return request.signal.reason;
  if (error instanceof KnownError) return error;
  // A body that cannot be read, or no file left for a socket, is not the service's doing.
  const trouble = machineTrouble(error);
  if (trouble !== undefined) return trouble;
  if (!isConnectionError(error)) return error;
  return new KnownError(`${request.service} did not answer ${name(request)}: ${error.message}`, {
    code: 'REMOTE_UNAVAILABLE',
    retry: 'backoff',
    cause: error,
  });
}

/** A system error that comes from a socket; one that names a path comes from a file. */
function isConnectionError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && !('path' in error);
}

function stalled(request: Request): KnownError {
  const seconds = request.idleTimeoutMs / 1000;
  return new KnownError(`${name(request)}: nothing worth mentioning moved for ${seconds} s`, {
    code: 'TRANSFER_STALLED',
    retry: 'backoff',
  });
}

function invalidAnswer(request: Request, what: string, cause: unknown): KnownError {
  return new KnownError(`${request.service} answered ${name(request)} with something that is ${what}`, {
    code: 'REMOTE_ANSWER_INVALID',
    retry: 'backoff',
    cause,
  });
}

/** What a service repeats of the secrets that it was shown stays between us. */
function withoutSecrets(text: string, { headers = {} }: Request): string {
  const shown = Object.entries(headers).flatMap(([name, value]) => {
    if (!SECRET_HEADERS.includes(name.toLowerCase())) return [];
    const [, scheme = '', token = value] = /^(\w+) (.+)$/.exec(value) ?? [];
    if (scheme.toLowerCase() !== 'basic') return [token];
    return [
      token,
      Buffer.from(token, 'base64')
        .toString('utf8')
        .replace(/^[^:]*:/, ''),
    ];
  });
  return shown.filter(Boolean).reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
}

function quote(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim().slice(0, MAX_QUOTED);
  return line === '' ? '' : `: ${line}`;
}
