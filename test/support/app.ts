import { createHmac } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import { pino } from 'pino';
import { expect } from 'vitest';
import type { Problem } from '../../src/domain/problem.ts';
import { BUNNY_KEY, createDoors, SECRET_TOKEN } from './doors.ts';
import type { TestLedger } from './ledger.ts';

/** An answer with its body read: as JSON where it says so. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  readonly body: any;
}

export type Headers = Readonly<Record<string, string>>;

/** The pipeline server over a real ledger and real sockets; the line only counts how often it was told something. */
export interface TestApp {
  readonly url: string;
  readonly line: { pokes: number; reconciles: number };
  /** What the line was told to hurry, in its order. */
  readonly hurried: readonly string[];
  get(path: string, headers?: Headers): Promise<Reply>;
  send(method: string, path: string, headers: Headers, body?: string | Buffer): Promise<Reply>;
  /** Posts an object as JSON. */
  post(path: string, body: object, headers?: Headers): Promise<Reply>;
  /** Posts a webhook with the signature that Zoom would give it. */
  zoom(event: object | string, signed?: Signed): Promise<Reply>;
  close(): Promise<void>;
}

/** What to sign with instead of what is right. */
export interface Signed {
  readonly secretToken?: string;
  readonly timestampS?: number | string;
  readonly headers?: Headers;
}

/** Starts the pipeline server's doors on a free port. */
export async function startTestApp(
  ledger: TestLedger,
  host = '127.0.0.1',
  more: Partial<
    Pick<
      Parameters<typeof createDoors>[0],
      'operators' | 'limits' | 'customRoots' | 'incoming' | 'log' | 'watch' | 'outputPlaces'
    >
  > = {},
): Promise<TestApp> {
  const counts = { pokes: 0, reconciles: 0 };
  const hurried: string[] = [];
  const line = {
    poke() {
      counts.pokes += 1;
    },
    reconcile() {
      counts.reconciles += 1;
    },
    hurry: (id: string) => void hurried.push(id),
  };
  const log = pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' });
  const app = await createDoors({
    ledger,
    line,
    installation: {
      version: '1.2.3',
      dataDir: ledger.folder,
      diskReserveBytes: 1,
      serviceNames: ['zoom', 'b2', 'bunny'],
    },
    pages: {
      uploadUrl: undefined,
      tusPort: 1080,
      maxUploadBytes: 1000,
      isMediaOnly: true,
      watchUrl: 'https://academy.example/watch/{ace_id}?v={video_id}',
    },
    log,
    ...more,
  });
  const url = await app.listen({ host, port: 0 });

  const send: TestApp['send'] = (method, path, headers, body) => exchange(method, url, path, headers, body);
  return {
    url,
    line: counts,
    hurried,
    send,
    get: (path, headers = {}) => send('GET', path, headers),
    post: (path, body, headers = {}) =>
      send('POST', path, { 'content-type': 'application/json', ...headers }, JSON.stringify(body)),
    zoom(event, signed = {}) {
      const body = typeof event === 'string' ? event : JSON.stringify(event);
      return send('POST', '/zoom-upload', zoomHeaders(body, signed), body);
    },
    close: () => app.close(),
  };
}

/** The headers of a webhook by Zoom. */
export function zoomHeaders(body: string, signed: Signed = {}): Headers {
  const { secretToken = SECRET_TOKEN, timestampS = Math.floor(Date.now() / 1000) } = signed;
  const digest = createHmac('sha256', secretToken).update(`v0:${timestampS}:${body}`).digest('hex');
  return {
    'content-type': 'application/json; charset=utf-8',
    'x-zm-request-timestamp': String(timestampS),
    'x-zm-signature': `v0=${digest}`,
    ...signed.headers,
  };
}

/** The header that signs a webhook by Bunny Stream. */
export function bunnyHeaders(body: string): Headers {
  return { 'x-bunnystream-signature': createHmac('sha256', BUNNY_KEY).update(body).digest('hex') };
}

/** The part of a problem document that programs go by. */
export function problem(status: number, code: Problem['code']) {
  return {
    status,
    type: 'application/problem+json; charset=utf-8',
    headers: expect.any(Object),
    body: {
      type: `urn:sluice:error:${code}`,
      title: expect.any(String),
      status,
      detail: expect.any(String),
      code,
      advice: expect.any(String),
    },
  };
}

/** By node:http, which leaves paths and headers as they are. */
function exchange(
  method: string,
  url: string,
  path: string,
  headers: Headers,
  body: string | Buffer | undefined,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const sending = request({ method, hostname, port, path, headers, agent: false }, (answer) => {
      answer.toArray().then((chunks: Buffer[]) => {
        const text = Buffer.concat(chunks).toString('utf8');
        const type = answer.headers['content-type'] ?? '';
        resolve({
          status: answer.statusCode ?? 0,
          type,
          headers: answer.headers,
          body: type.includes('json') ? JSON.parse(text) : text,
        });
      }, reject);
    });
    sending.on('error', reject);
    sending.end(body);
  });
}
