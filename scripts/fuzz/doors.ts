import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import { BUNNY_KEY, SECRET_TOKEN } from '../../test/support/doors.ts';
import {
  broken,
  headerValue,
  hostileBody,
  hostileJson,
  hostileText,
  inAddress,
  zoomEvent,
} from './hostile.ts';
import type { Fuzz } from './properties.ts';
import { type FuzzWorld, type Reply, requireDecent } from './world.ts';

const HERE = 'localhost:9009';

/** Asks, and makes sure that a refusal is a decent one that has changed nothing. */
async function ask(world: FuzzWorld, request: InjectOptions): Promise<Reply> {
  const before = world.ledgerVersion();
  const reply = await world.ask({ ...request, headers: { host: HERE, ...request.headers } });
  requireDecent(reply);
  if (reply.status >= 300 && world.ledgerVersion() !== before) {
    throw new Error(`refused with ${reply.status}, and the ledger has changed`);
  }
  return reply;
}

function hmac(key: string, ...parts: (string | Buffer)[]): string {
  const hash = createHmac('sha256', key);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function zoomRequest(body: Buffer, headers: Record<string, string> = {}): InjectOptions {
  const timestamp = String(Math.floor(Date.now() / 1000));
  return {
    method: 'POST',
    url: '/zoom-upload',
    payload: body,
    headers: {
      'content-type': 'application/json',
      'x-zm-request-timestamp': timestamp,
      'x-zm-signature': `v0=${hmac(SECRET_TOKEN, `v0:${timestamp}:`, body)}`,
      ...headers,
    },
  };
}

function refuse(reply: Reply, ...statuses: number[]): void {
  if (!statuses.includes(reply.status))
    throw new Error(`${reply.status} and none of ${statuses}: ${reply.text}`);
}

/** Ways to be nearly right about a signature. */
const wrongSignature = fc.oneof(
  headerValue.map((text) => () => text),
  fc.nat(63).map((at) => (right: string) => {
    const digit = right[at + 3] === '0' ? '1' : '0';
    return right.slice(0, at + 3) + digit + right.slice(at + 4);
  }),
  fc.integer({ min: 0, max: 66 }).map((length) => (right: string) => right.slice(0, length)),
  fc.constantFrom(
    (right: string) => right.toUpperCase(),
    (right: string) => `${right}0`,
    (right: string) => `${right},${right}`,
    (right: string) => right.replace('v0=', 'v1='),
    (right: string) => right.replace('v0=', ''),
    (right: string) => `v0=${right}`,
  ),
);

const wrongTimestamp = fc.oneof(
  headerValue,
  fc
    .integer({ min: 0, max: 2_000_000_000 })
    .filter((second) => Math.abs(second - Date.now() / 1000) > 400)
    .map(String),
  fc.constantFrom('', ' 1', '1e9', '0x65', '-1', '+1', '1.5', '01', 'Infinity', '99999999999999999999'),
);

export const DOOR_FUZZES: readonly Fuzz[] = [
  {
    name: 'a webhook of Zoom whose signature is not right is refused',
    share: 0.12,
    property: (world) =>
      fc.asyncProperty(fc.oneof(hostileBody, zoomEvent.map(toBytes)), wrongSignature, async (body, spoil) => {
        const request = zoomRequest(body);
        const headers = request.headers as Record<string, string>;
        const right = headers['x-zm-signature'] ?? '';
        const spoiled = spoil(right);
        fc.pre(spoiled !== right);
        refuse(await ask(world, { ...request, headers: { ...headers, 'x-zm-signature': spoiled } }), 401);
      }),
  },
  {
    name: 'a webhook of Zoom with another time than the signed one, or an old one, is refused',
    share: 0.08,
    property: (world) =>
      fc.asyncProperty(hostileBody, wrongTimestamp, fc.boolean(), async (body, timestamp, isSigned) => {
        const signature = `v0=${hmac(SECRET_TOKEN, `v0:${timestamp}:`, body)}`;
        const headers = {
          'x-zm-request-timestamp': timestamp,
          ...(isSigned ? { 'x-zm-signature': signature } : {}),
        };
        refuse(await ask(world, zoomRequest(body, headers)), 401);
      }),
  },
  {
    name: 'a signed body of any content is taken or refused',
    share: 0.08,
    property: (world) =>
      fc.asyncProperty(hostileBody, headerValue, async (body, type) => {
        refuse(await ask(world, zoomRequest(body, { 'content-type': type })), 200, 400, 415);
      }),
  },
  {
    name: 'a signed event of any content is taken or refused, and repeating it takes nothing',
    share: 0.2,
    property: (world) =>
      fc.asyncProperty(zoomEvent, async (event) => {
        const first = await ask(world, zoomRequest(toBytes(event)));
        refuse(first, 200, 400);
        const second = await ask(world, zoomRequest(toBytes(event)));
        refuse(second, first.status);
        const { accepted = [] } = JSON.parse(second.text) as { accepted?: { duplicate: boolean }[] };
        if (accepted.some(({ duplicate }) => !duplicate)) throw new Error(`taken twice: ${second.text}`);
      }),
  },
  {
    name: 'a challenge is never a signature of a webhook',
    share: 0.03,
    property: (world) =>
      fc.asyncProperty(
        fc.oneof(
          hostileText,
          hostileJson,
          fc.nat().map((n) => `v0:${n}:{}`),
        ),
        async (plainToken) => {
          const event = { event: 'endpoint.url_validation', event_ts: 1, payload: { plainToken } };
          const reply = await ask(world, zoomRequest(toBytes(event)));
          refuse(reply, 200, 400);
          if (reply.status === 200 && (typeof plainToken !== 'string' || plainToken.includes(':'))) {
            throw new Error(`signed ${JSON.stringify(plainToken)}`);
          }
        },
      ),
  },
  {
    name: 'a webhook of Bunny is taken only with its signature',
    share: 0.05,
    property: (world) =>
      fc.asyncProperty(
        fc.oneof(hostileBody, broken({ VideoGuid: hostileText, Status: fc.integer() }).map(toBytes)),
        fc.option(headerValue),
        async (payload, wrong) => {
          const signature = wrong ?? hmac(BUNNY_KEY, payload);
          const headers = { 'content-type': 'application/json', 'x-bunnystream-signature': signature };
          const reply = await ask(world, { method: 'POST', url: '/bunny-webhook', payload, headers });
          refuse(reply, ...(wrong === null ? [200, 400, 413] : [401, 413]));
        },
      ),
  },
  {
    name: 'files are taken or refused, whatever is said of them',
    share: 0.1,
    property: (world) =>
      fc.asyncProperty(
        fc.constantFrom('/manual-upload', '/custom-upload'),
        broken({
          path: fc.oneof(
            fc.constantFrom(
              world.video,
              world.folder,
              '/dev/zero',
              '/proc/self/mem',
              '/etc/passwd',
              '/',
              '.',
              `${world.video}/`,
            ),
            hostileText,
            hostileText.map((text) => `${world.folder}/${text}`),
          ),
          ace_id: hostileText,
          upload_id: hostileText,
          title: hostileText,
          size: fc.oneof(fc.nat(), fc.constant(Number.NaN)),
          filename: hostileText,
          filetype: hostileText,
          keep_file: fc.boolean(),
          not_before: hostileText,
        }),
        async (url, body) => {
          const payload = JSON.stringify(body);
          const headers = { 'content-type': 'application/json' };
          refuse(
            await ask(world, { method: 'POST', url, payload, headers }),
            202,
            400,
            403,
            404,
            409,
            413,
            415,
          );
        },
      ),
  },
  {
    name: "the operators' questions are answered or refused",
    share: 0.12,
    property: (world) =>
      fc.asyncProperty(
        fc.constantFrom('/api/recordings', '/api/zoom/ignored', '/api/status', '/api/recordings/'),
        fc.dictionary(
          fc.constantFrom(
            'state',
            'source',
            'q',
            'from',
            'to',
            'limit',
            'cursor',
            'limit[]',
            '__proto__',
            'x',
          ),
          fc.oneof(hostileText, fc.constantFrom('done', 'zoom', '10', '2026-01-01T00:00:00Z', 'MQ')),
        ),
        hostileText,
        async (path, query, id) => {
          const search = Object.entries(query).map(
            ([name, value]) => `${inAddress(name)}=${inAddress(value)}`,
          );
          const url = `${path}${path.endsWith('/') ? inAddress(id) : ''}?${search.join('&')}`;
          refuse(await ask(world, { method: 'GET', url }), 200, 400, 404, 414);
        },
      ),
  },
  {
    name: "the operators' actions are taken or refused",
    share: 0.06,
    property: (world) =>
      fc.asyncProperty(
        fc.oneof(
          fc
            .tuple(hostileText, fc.constantFrom('retry', 'cancel', 'set-aside', 'move-to-front', 'schedule'))
            .map(([id, action]) => `/api/recordings/${inAddress(id)}/${action}`),
          hostileText.map((id) => `/api/deliveries/${inAddress(id)}/replay`),
        ),
        fc.oneof(hostileBody, broken({ not_before: hostileText }).map(toBytes)),
        fc.constantFrom('application/json', 'text/plain', 'application/x-www-form-urlencoded', ''),
        async (url, payload, type) => {
          const headers = type === '' ? {} : { 'content-type': type };
          refuse(await ask(world, { method: 'POST', url, payload, headers }), 400, 404, 409, 413, 414, 415);
        },
      ),
  },
  {
    name: 'nobody from elsewhere gets an answer meant for operators',
    share: 0.1,
    property: (world) =>
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'),
        fc.oneof(
          fc.constantFrom(
            '/api/status',
            '/api/recordings',
            '/api/events',
            '/docs',
            '/docs/openapi.json',
            '/custom-upload',
          ),
          fc.constantFrom(
            '/manual-upload',
            '/api/line/pause',
            '/metrics',
            '/',
            '/API/STATUS',
            '/api/status/',
            '//api/status',
          ),
          fc.constantFrom(
            '/api;/status',
            '/healthz/../api/status',
            '/login/../api/status',
            '/zoom-upload/../api/status',
          ),
          hostileText.map((text) => `/${inAddress(text)}`),
        ),
        fc.constantFrom<{ remoteAddress?: string; headers: Record<string, string> }>(
          { remoteAddress: '203.0.113.9', headers: {} },
          { remoteAddress: '::ffff:203.0.113.9', headers: { host: 'localhost' } },
          { headers: { 'x-forwarded-for': '127.0.0.1' } },
          { headers: { 'x-real-ip': '127.0.0.1' } },
          { headers: { forwarded: 'for=127.0.0.1' } },
          { headers: { via: '1.1 x' } },
          { headers: { host: 'evil.example' } },
          { headers: { host: 'localhost.evil.example:9009' } },
          { headers: { host: '127.0.0.1.evil.example' } },
          { headers: { origin: 'https://evil.example' } },
          { headers: { origin: 'null' } },
          { headers: { 'sec-fetch-site': 'cross-site' } },
        ),
        fc.oneof(
          fc.constant<Record<string, string>>({}),
          headerValue.map((text) => ({ authorization: `Bearer ${text}` })),
          headerValue.map((text) => ({ cookie: `sluice_session=${text}` })),
          headerValue.map((text) => ({ 'x-http-method-override': text })),
        ),
        async (method, url, from, shown) => {
          const { remoteAddress, headers } = from;
          const request = {
            method,
            url,
            headers: { ...headers, ...shown },
            ...(remoteAddress ? { remoteAddress } : {}),
          };
          const reply =
            method === 'HEAD'
              ? await world.ask(request as InjectOptions)
              : await ask(world, request as InjectOptions);
          if (reply.status < 400 && reply.status !== 303)
            throw new Error(`${reply.status}: ${reply.text.slice(0, 200)}`);
        },
      ),
  },
];

function toBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
