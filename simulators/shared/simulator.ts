import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFaultList, type Fault, type FaultList } from './faults.ts';
import { createLink, type Link, throughLinks } from './link.ts';

/** A request as a simulator's routes see it. The body has passed the link's speed limit and the faults. */
export interface SimulatorRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** The whole body; for small bodies only. */
  bytes(): Promise<Buffer>;
  /** The whole body as JSON, or `undefined` when it is empty or not JSON. */
  json(): Promise<unknown>;
}

/** What a route answers. A `Readable` body is streamed; an object is sent as JSON. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | Readable | object;
}

/** One line of the request log, written when the request is over. */
export interface LoggedRequest {
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly requestBytes: number;
  /** The status sent, or 0 when the connection was dropped or left hanging. */
  readonly status: number;
  readonly answerBytes: number;
  readonly durationMs: number;
  /** Whether a fault struck this request. */
  readonly faulty: boolean;
}

export interface SimulatorOptions {
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  readonly bytesPerSecond?: number;
  /** A connection on which nothing has moved for so long is closed; default: none is, for that reason. */
  readonly idleTimeoutMs?: number;
  /** With these, in PEM, it speaks HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** How faults and the log name what a request is for; default its path. */
  readonly nameOf?: (method: string, url: URL) => string;
}

/** The part that all simulators share: an HTTP server with a request log, faults on request and a limited link. */
export interface Simulator {
  /** `http://host:port`, or `https://host:port`, without a slash at its end. */
  readonly url: string;
  readonly requests: readonly LoggedRequest[];
  readonly faults: FaultList;
  readonly link: Link;
  /** Shorthand for `faults.add`. */
  fail(fault: Fault): void;
  /** Dies as by SIGKILL: what is under way is cut off, and nobody is let in until it is started again, with all that it had. */
  kill(): Promise<void>;
  start(): Promise<void>;
  isUp(): boolean;
  close(): Promise<void>;
}

/** How many finished requests the log keeps; the oldest go first. */
const MAX_LOGGED = 100_000;

/**
 * Starts an HTTP server around `handle`, or an HTTPS server.
 *
 * Besides the service's own paths it answers, unthrottled and without faults, for use from another process:
 * `GET /__sim/requests`, `DELETE /__sim/requests`, `POST /__sim/faults` (a fault or a list), `DELETE /__sim/faults`,
 * `GET /__sim/faults` (`{struck}`), `GET /__sim/open` (`{open}`: requests that are not over, their clients gone or not), `PUT /__sim/link` (`{bytesPerSecond: number|null}`), and whatever `control`
 * answers under `/__sim/`. `onFault` hears of a fault when it strikes, before any of its effects.
 */
export async function startSimulator(
  options: SimulatorOptions,
  handle: (request: SimulatorRequest) => Promise<Answer>,
  control: (request: SimulatorRequest) => Promise<Answer | undefined> = async () => undefined,
  onFault: (fault: Fault, struck: { readonly method: string; readonly url: URL }) => void = () => {},
): Promise<Simulator> {
  const faults = createFaultList();
  const link = createLink(options.bytesPerSecond);
  const requests: LoggedRequest[] = [];
  const closing = new AbortController();
  let open = 0;

  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    void serve(request, response).catch(() => response.destroy());
  };
  const { tls } = options;
  const scheme = tls === undefined ? 'http' : 'https';
  const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  server.timeout = options.idleTimeoutMs ?? 0;
  // As services do: whoever closes has said all, and what was said counts. Node would drop what it has not read yet.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.requestTimeout = 0;
  server.keepAliveTimeout = 30_000;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A reset by the other side is part of the game; the pipelines below notice it by themselves.
    request.on('error', () => {});
    response.on('error', () => {});
    const method = request.method ?? 'GET';
    const url = new URL(request.url ?? '/', `${scheme}://${request.headers.host ?? 'localhost'}`);

    if (url.pathname.startsWith('/__sim/')) {
      const asked = toSimulatorRequest(request, method, url, request);
      await send(response, (await shared(asked)) ?? (await control(asked)) ?? { status: 404 }, []);
      return;
    }

    const startedMs = performance.now();
    const path = options.nameOf?.(method, url) ?? url.pathname;
    const fault = faults.strike(method, path, request.headers);
    if (fault) onFault(fault, { method, url });
    const counted = { requestBytes: 0, answerBytes: 0, status: 0 };
    open += 1;
    try {
      await play(request, response, method, url, fault, counted);
    } finally {
      open -= 1;
      requests.push({
        atMs: Date.now(),
        method,
        path,
        query: url.search,
        headers: request.headers,
        ...counted,
        durationMs: performance.now() - startedMs,
        faulty: fault !== undefined,
      });
      if (requests.length > MAX_LOGGED) requests.shift();
    }
  }

  async function play(
    request: IncomingMessage,
    response: ServerResponse,
    method: string,
    url: URL,
    fault: Fault | undefined,
    counted: { requestBytes: number; answerBytes: number; status: number },
  ): Promise<void> {
    if (fault?.drop === 'before-handling') {
      response.destroy();
      return;
    }
    if (fault?.status !== undefined) {
      if (fault.delayMs !== undefined) await sleep(fault.delayMs);
      counted.status = fault.status;
      await send(response, { status: fault.status, headers: fault.headers, body: fault.body }, []);
      return;
    }

    const links = [link, ...(fault?.bytesPerSecond === undefined ? [] : [createLink(fault.bytesPerSecond)])];
    const isLimited = links.some((each) => each.bytesPerSecond !== undefined);
    const body =
      fault?.lateMs === undefined
        ? incomingBody(request, response, isLimited ? links : [], fault, counted)
        : await heldBack(request, fault.lateMs, closing.signal, counted);
    const whole = await handle(toSimulatorRequest(request, method, url, body));
    const answer = fault?.endAfterBytes === undefined ? whole : shortened(whole, fault.endAfterBytes);

    if (fault?.stall) {
      await new Promise((resolve) => {
        response.once('close', resolve);
        request.socket.once('end', resolve);
      });
      response.destroy();
      return;
    }
    if (fault?.delayMs !== undefined) await sleep(fault.delayMs);
    if (fault?.drop === 'after-handling') {
      response.destroy();
      return;
    }
    counted.status = answer.status;
    const cut = fault?.drop === undefined ? fault?.cutAfterBytes : undefined;
    await send(response, answer, isLimited ? links : [], cut, counted);
  }

  async function shared(request: SimulatorRequest): Promise<Answer | undefined> {
    switch (`${request.method} ${request.url.pathname}`) {
      case 'GET /__sim/requests':
        return { status: 200, body: requests };
      case 'DELETE /__sim/requests':
        requests.length = 0;
        return { status: 204 };
      case 'GET /__sim/open':
        return { status: 200, body: { open } };
      case 'GET /__sim/faults':
        return { status: 200, body: { struck: faults.struck } };
      case 'POST /__sim/faults': {
        const wanted = (await request.json()) as Fault | Fault[];
        for (const fault of Array.isArray(wanted) ? wanted : [wanted]) faults.add(fault);
        return { status: 204 };
      }
      case 'DELETE /__sim/faults':
        faults.clear();
        return { status: 204 };
      case 'PUT /__sim/link': {
        const { bytesPerSecond } = (await request.json()) as { bytesPerSecond: number | null };
        link.bytesPerSecond = bytesPerSecond ?? undefined;
        return { status: 204 };
      }
      default:
        return undefined;
    }
  }

  const listenAt = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, options.host ?? '127.0.0.1', resolve);
    });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listenAt(options.port ?? 0);
  const { address, port } = server.address() as AddressInfo;

  return {
    url: `${scheme}://${address}:${port}`,
    requests,
    faults,
    link,
    fail: (fault) => faults.add(fault),
    kill: stop,
    start: () => listenAt(port),
    isUp: () => server.listening,
    async close() {
      closing.abort();
      await stop();
    },
  };
}

function toSimulatorRequest(
  request: IncomingMessage,
  method: string,
  url: URL,
  body: Readable,
): SimulatorRequest {
  let whole: Promise<Buffer> | undefined;
  const bytes = () => {
    whole ??= body.toArray().then((chunks) => Buffer.concat(chunks as Buffer[]));
    return whole;
  };
  return {
    method,
    url,
    headers: request.headers,
    body,
    bytes,
    async json() {
      try {
        return JSON.parse((await bytes()).toString('utf8'));
      } catch {
        return undefined;
      }
    },
  };
}

/** The request's body once all of it has arrived, and so much later; from then on nobody can take it back. */
async function heldBack(
  request: IncomingMessage,
  lateMs: number,
  signal: AbortSignal,
  counted: { requestBytes: number },
): Promise<Readable> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    counted.requestBytes += chunk.length;
    chunks.push(chunk);
  }
  await sleep(lateMs, undefined, { signal });
  return Readable.from(chunks, { objectMode: false });
}

/** The request's body, counted, slowed down and, where the fault says so, cut. */
function incomingBody(
  request: IncomingMessage,
  response: ServerResponse,
  links: readonly Link[],
  fault: Fault | undefined,
  counted: { requestBytes: number },
): Readable {
  const cutAfterBytes = fault?.drop === 'during-body' ? (fault.cutAfterBytes ?? 0) : Number.POSITIVE_INFINITY;
  const count = new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      counted.requestBytes += chunk.length;
      if (counted.requestBytes <= cutAfterBytes) {
        done(null, chunk);
        return;
      }
      const keep = chunk.length - (counted.requestBytes - cutAfterBytes);
      if (keep > 0) this.push(chunk.subarray(0, keep));
      // Destroying a stream loses what nobody has read yet.
      whenRead(this, () => {
        response.destroy();
        done(new Error('the connection was reset on request'));
      });
    },
  });
  const steps = links.length > 0 ? [throughLinks(links)] : [];
  // Whoever reads `count` sees the failure; the pipeline's own promise has nobody to tell.
  pipeline([request, ...steps, count] as never).catch((error: Error) => count.destroy(error));
  return count;
}

/** Calls `then` as soon as all that is in the stream's buffer was read, or never if it is destroyed before. */
function whenRead(stream: Transform, then: () => void): void {
  if (stream.destroyed) return;
  if (stream.readableLength === 0) then();
  else setTimeout(whenRead, 1, stream, then);
}

async function send(
  response: ServerResponse,
  answer: Answer,
  links: readonly Link[],
  cutAfterBytes?: number,
  counted?: { answerBytes: number },
): Promise<void> {
  const { body, headers } = toBody(answer);
  const isUnread = !response.req.readableEnded && !response.req.complete;
  response.writeHead(answer.status, headers);
  if (response.req.method === 'HEAD' || body === undefined) {
    response.end();
  } else {
    const gate = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        const sent = (counted?.answerBytes ?? 0) + chunk.length;
        if (counted) counted.answerBytes = sent;
        if (cutAfterBytes === undefined || sent <= cutAfterBytes) {
          done(null, chunk);
          return;
        }
        const keep = chunk.length - (sent - cutAfterBytes);
        if (keep > 0) this.push(chunk.subarray(0, keep));
        setImmediate(() => response.destroy());
      },
    });
    const source = body instanceof Readable ? body : new PassThrough().end(body);
    const limit = links.length > 0 ? [throughLinks(links)] : [];
    await pipeline([source, ...limit, gate, response] as never);
  }
  if (isUnread) listenOn(response.req);
}

/**
 * Goes on reading what a client sends after its answer, for a while: a server that hangs up at once resets the
 * connection, and its answer can be lost with it.
 */
function listenOn(request: IncomingMessage): void {
  request.unpipe();
  request.resume();
  setTimeout(() => {
    if (!request.complete) request.destroy();
  }, 2000).unref();
}

/** The same answer with the first bytes of its body only, and without its length. */
function shortened(answer: Answer, bytes: number): Answer {
  const { body, headers } = toBody(answer);
  const { 'content-length': _, ...others } = headers;
  const chunks = body instanceof Readable ? body : [body ?? Buffer.alloc(0)];
  return { ...answer, headers: others, body: Readable.from(firstBytes(chunks, bytes)) };
}

async function* firstBytes(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, bytes: number) {
  let left = bytes;
  for await (const chunk of chunks) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

function toBody(answer: Answer): { body: Buffer | Readable | undefined; headers: Record<string, string> } {
  const { body, headers = {} } = answer;
  if (body === undefined) return { body: undefined, headers: { 'content-length': '0', ...headers } };
  if (body instanceof Readable) return { body, headers };
  const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(isJson ? JSON.stringify(body) : String(body));
  const type: Record<string, string> = isJson ? { 'content-type': 'application/json' } : {};
  return { body: bytes, headers: { ...type, 'content-length': String(bytes.length), ...headers } };
}
