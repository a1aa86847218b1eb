import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import fc from 'fast-check';
import { createUploadToken, readUploadToken } from '../../src/lib/upload-token.ts';
import { headerValue, hostileText, inAddress } from './hostile.ts';
import type { Fuzz } from './properties.ts';
import { type FuzzWorld, requireDecent, UPLOAD_SECRET } from './world.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

interface TusRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** Asks, and makes sure that a refusal is a decent one. */
async function ask(world: FuzzWorld, { method, path, headers, body }: TusRequest) {
  // Node would leave it out of methods that seldom have a body.
  const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(body.length) };
  const all = { ...headers, ...length };
  const sending = request({ port: world.tusPort, host: '127.0.0.1', method, path, headers: all, agent });
  sending.end(body);
  const [answer] = (await once(sending, 'response')) as [IncomingMessage];
  const text = Buffer.concat(await answer.toArray()).toString();
  const reply = { status: answer.statusCode ?? 0, type: answer.headers['content-type'] ?? '', text };
  // An answer to HEAD has no body.
  if (method === 'HEAD' && reply.status < 500) return { ...reply, location: undefined };
  requireDecent(reply);
  return { ...reply, location: answer.headers.location };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

const metadata = fc.oneof(
  headerValue,
  fc
    .array(
      fc.tuple(
        fc.oneof(
          fc.constantFrom('ace_id', 'title', 'filename', 'filetype', 'token', '__proto__'),
          headerValue,
        ),
        fc.oneof(hostileText.map(base64), headerValue),
      ),
      { maxLength: 8 },
    )
    .map((pairs) =>
      pairs
        .map(([key, value]) => `${key} ${value}`)
        .join(',')
        .slice(0, 4500),
    ),
);

const numberText = fc.oneof(
  headerValue,
  fc.integer().map(String),
  fc.constantFrom('0', '-1', '1e3', '0x10', '99999999999999999999', ' 5', '5,5', 'Infinity', 'NaN', ''),
);

const wildHeaders = fc.dictionary(
  fc.constantFrom(
    ...[
      'tus-resumable',
      'upload-length',
      'upload-offset',
      'upload-defer-length',
      'upload-concat',
      'upload-checksum',
    ],
    ...[
      'content-type',
      'x-http-method-override',
      'origin',
      'x-forwarded-for',
      'x-forwarded-host',
      'x-forwarded-proto',
    ],
    ...['forwarded', 'host', 'accept', 'range', 'access-control-request-method'],
  ),
  fc.oneof(
    numberText,
    fc.constantFrom('1.0.0', 'application/offset+octet-stream', 'PATCH', 'DELETE', 'HEAD', 'partial'),
  ),
);

/** Ways to be nearly a valid token. */
const spoiledToken = fc.oneof(
  headerValue.map((text) => () => text),
  fc.tuple(fc.nat(), fc.constantFrom('A', 'Z', '0', '-', '.', '=')).map(([at, letter]) => (right: string) => {
    // The last letter of a signature carries bits that are not looked at.
    const index = at % (right.length - 1);
    return right.slice(0, index) + letter + right.slice(index + 1);
  }),
  fc.constantFrom('none', 'None', 'NONE', 'HS512', 'RS256', 'ES256', '').map((alg) => (right: string) => {
    const [, payload = '', signature = ''] = right.split('.');
    const header = Buffer.from(JSON.stringify({ alg, typ: 'JWT' })).toString('base64url');
    return `${header}.${payload}.${alg.toLowerCase() === 'none' ? '' : signature}`;
  }),
  fc
    .record({ ace_id: hostileText.map((text) => text.slice(0, 300)), exp: fc.integer() })
    .map((claims) => (right: string) => {
      const [header = '', , signature = ''] = right.split('.');
      return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
    }),
);

const method = fc.constantFrom('POST', 'PATCH', 'HEAD', 'DELETE', 'OPTIONS', 'GET', 'PUT');
const body = fc.option(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  { nil: undefined },
);

export const TUS_FUZZES: readonly Fuzz[] = [
  {
    name: 'a token that the website has not signed is none',
    share: 0.1,
    async property() {
      const right = await tokenFor('lesson');
      return fc.asyncProperty(spoiledToken, async (spoil) => {
        const token = spoil(right);
        fc.pre(token !== right);
        const reading = await readUploadToken(token, [UPLOAD_SECRET]);
        if (reading.kind !== 'invalid') throw new Error(`taken: ${token}`);
      });
    },
  },
  {
    name: 'a request without a token changes no upload, whatever it says',
    share: 0.08,
    async property(world) {
      const upload = await begin(world, 'kept');
      const before = await world.uploads();
      return fc.asyncProperty(
        method,
        fc.oneof(
          fc.constantFrom(
            '/tusupload',
            upload,
            `${upload}/`,
            `${upload}/..`,
            `/tusupload/../${upload}`,
            '/',
            '*',
          ),
          hostileText.map((text) => `/tusupload/${inAddress(text).slice(0, 2000)}`),
        ),
        wildHeaders,
        metadata,
        body,
        fc.option(spoiledToken, { nil: undefined }),
        async (verb, path, headers, said, bytes, spoil) => {
          const shown: Record<string, string> =
            spoil === undefined ? {} : { authorization: `Bearer ${spoil('e30.e30.e30')}` };
          const all = { 'tus-resumable': '1.0.0', 'upload-metadata': said, ...headers, ...shown };
          const { status } = await ask(world, {
            method: verb,
            path,
            headers: all,
            ...(bytes ? { body: bytes } : {}),
          });
          if (status < 400 && verb !== 'OPTIONS') throw new Error(`${status}`);
          if ((await world.uploads()) !== before) throw new Error('the uploads have changed');
        },
      );
    },
  },
  {
    name: 'an upload begins and goes on with any headers, or is refused',
    share: 0.06,
    async property(world) {
      const authorization = `Bearer ${await tokenFor('wild')}`;
      return fc.asyncProperty(wildHeaders, metadata, body, async (headers, said, bytes) => {
        const all = {
          'tus-resumable': '1.0.0',
          'upload-length': '3',
          'upload-metadata': said,
          authorization,
          ...headers,
        };
        const { location } = await ask(world, { method: 'POST', path: '/tusupload', headers: all });
        if (location === undefined) return;
        const path = new URL(location, 'http://localhost/tusupload').pathname;
        const common = { 'tus-resumable': '1.0.0', authorization };
        const type = 'application/offset+octet-stream';
        const appending = { ...common, 'content-type': type, 'upload-offset': '0', ...headers };
        await ask(world, { method: 'PATCH', path, headers: appending, ...(bytes ? { body: bytes } : {}) });
        await ask(world, { method: 'DELETE', path, headers: common });
      });
    },
  },
];

function tokenFor(aceId: string): Promise<string> {
  return createUploadToken({ secret: UPLOAD_SECRET, aceId, expiresInS: 36_000 });
}

/** The path of a new upload of ten bytes. */
async function begin(world: FuzzWorld, aceId: string): Promise<string> {
  const { location = '', text } = await ask(world, {
    method: 'POST',
    path: '/tusupload',
    headers: {
      'tus-resumable': '1.0.0',
      'upload-length': '10',
      authorization: `Bearer ${await tokenFor(aceId)}`,
    },
  });
  if (location === '') throw new Error(text);
  return new URL(location, 'http://localhost/tusupload').pathname;
}
