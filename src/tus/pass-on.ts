import {
  type ClientRequest,
  type IncomingMessage,
  request as requestByHttp,
  type ServerResponse,
} from 'node:http';
import { request as requestByHttps } from 'node:https';
import type { Logger } from 'pino';
import { createSeldomLog } from '../lib/seldom-log.ts';
import { sendRefusal } from './answer.ts';
import { LOCKED, UploadRefused } from './refusal.ts';

/** How long a host may take to answer that it is there at all, in milliseconds. */
const CONNECT_TIMEOUT_MS = 4000;

/** After how long a client may look again for a host that is away, in seconds. */
const RETRY_AFTER_S = '10';

/** Says that a host has passed a request on, so that none is passed round in a circle. */
const PASSED_BY = 'x-sluice-passed-by';

/** What is between two ends of one connection (RFC 9110, 7.6.1), or is said anew by whoever sends on. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export interface PassOn {
  /** Answers a request for an upload of another host with what that host answers; returns the code of a refusal of ours. */
  passOn(owner: string, request: IncomingMessage, response: ServerResponse): Promise<string | undefined>;
}

/**
 * Passes requests on to the hosts that their uploads lie on, as they come: no more of a body is held than is on its way, and
 * whichever end hangs up, the other one hears of it.
 *
 * @param options.host The name of this host
 * @param options.addressOf Where the tus server of a host is; `undefined`: nobody knows
 * @param options.idleTimeoutMs Time without a byte after which a connection is closed
 */
export function createPassOn(options: {
  readonly host: string;
  readonly addressOf: (host: string) => Promise<string | undefined>;
  readonly idleTimeoutMs: number;
  readonly log: Logger;
}): PassOn {
  const { host, addressOf, idleTimeoutMs, log } = options;
  const seldom = createSeldomLog(log);

  function refuseFor(owner: string, why: string, request: IncomingMessage, response: ServerResponse): string {
    seldom.warn(
      { event: `upload.host-away ${owner}`, err: new Error(why) },
      `the host "${owner}" of an upload does not answer`,
    );
    // A client that asks for the offset and is told anything else begins anew.
    const refusal = new UploadRefused(
      request.method === 'HEAD' ? LOCKED : 503,
      'HOST_AWAY',
      'This upload lies on a server that does not answer at this moment.',
      'Ask for the offset with HEAD a little later, and go on from there: what has arrived stays.',
    );
    response.setHeader('Retry-After', RETRY_AFTER_S);
    sendRefusal(request, response, refusal);
    return refusal.code;
  }

  return {
    async passOn(owner, request, response) {
      if (request.headers[PASSED_BY] !== undefined) {
        return refuseFor(owner, `${host} was asked in its place: is its HOST_URL right?`, request, response);
      }
      const address = await addressOf(owner).catch(() => undefined);
      if (address === undefined) return refuseFor(owner, 'its address is not known', request, response);
      const url = new URL(request.url ?? '/', address);
      const why = await exchange(url, request, response, { host, idleTimeoutMs });
      if (why === undefined) return undefined;
      if (!response.headersSent) return refuseFor(owner, why, request, response);
      response.destroy();
      return undefined;
    },
  };
}

/** One request and its answer, on to their ends; returns why there is no answer, or not all of it. */
function exchange(
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
  { host, idleTimeoutMs }: { readonly host: string; readonly idleTimeoutMs: number },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const onward = (url.protocol === 'https:' ? requestByHttps : requestByHttp)(url, {
      method: request.method ?? 'GET',
      headers: passedHeaders(request.rawHeaders, { host: url.host, [PASSED_BY]: host }),
      // One that is kept alive may end at the moment at which it is used again.
      agent: false,
      timeout: idleTimeoutMs,
    });
    giveUpConnecting(onward);
    let isAnswered = false;
    const end = (why: string | undefined) => {
      resolve(why);
      onward.destroy();
    };
    onward.on('timeout', () => onward.destroy(new Error('no byte has moved for too long')));
    onward.on('error', (error) => {
      request.unpipe(onward);
      // Whoever answers before it has heard all may hang up on the rest.
      if (!isAnswered) end(error.message);
    });
    onward.on('response', (answer) => {
      isAnswered = true;
      response.writeHead(answer.statusCode ?? 502, passedHeaders(answer.rawHeaders));
      answer.pipe(response);
      answer.on('error', (error) => end(error.message));
      answer.on('end', () => {
        request.unpipe(onward);
        // So that a client which is still sending can read it.
        request.resume();
      });
    });
    request.on('error', () => onward.destroy());
    response.on('close', () => end(undefined));
    request.pipe(onward);
  });
}

function giveUpConnecting(onward: ClientRequest): void {
  onward.on('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => onward.destroy(new Error('it cannot be reached')), CONNECT_TIMEOUT_MS);
    socket.once('connect', () => clearTimeout(timer));
    socket.once('close', () => clearTimeout(timer));
  });
}

/** The headers that go from end to end, each as often as it came. */
function passedHeaders(raw: readonly string[], more: Readonly<Record<string, string>> = {}): string[] {
  const named = raw.flatMap((name, at) =>
    at % 2 === 0 && name.toLowerCase() === 'connection'
      ? (raw[at + 1] ?? '').toLowerCase().split(/\s*,\s*/)
      : [],
  );
  const passed: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const isLocal = NOT_PASSED.has(name.toLowerCase()) || named.includes(name.toLowerCase());
    if (!isLocal && !(name.toLowerCase() in more)) passed.push(name, raw[at + 1] ?? '');
  }
  return [...passed, ...Object.entries(more).flat()];
}
