import { randomBytes } from 'node:crypto';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { STRICT_MEDIA_GATE } from '../../src/lib/media-gate.ts';
import { createUploadToken, type UploadTokenOptions } from '../../src/lib/upload-token.ts';
import {
  head,
  idOf,
  metadataHeader,
  openPatch,
  problemIn,
  stockUpload,
  type TusRequest,
  tusRequest,
} from '../support/tus-client.ts';
import { startTusWorld, type TusWorld, type TusWorldOptions } from '../support/tus-world.ts';

const SECRET = 'a secret of the website, 32 bytes and more';
const OLD_SECRET = 'the secret of last year, it is as long too';

let world: TusWorld;
afterEach(() => world.stop());

async function start(options: TusWorldOptions = {}): Promise<void> {
  world = await startTusWorld({ tokenSecrets: [SECRET], ...options });
}

function tokenFor(aceId: string, more: Partial<UploadTokenOptions> = {}): Promise<string> {
  return createUploadToken({ secret: SECRET, aceId, expiresInS: 600, ...more });
}

function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

/** Begins an upload of ten bytes, and gives the answer. */
function post(headers: Readonly<Record<string, string>>, metadata: Record<string, string> = {}, size = 10) {
  const said: Record<string, string> =
    Object.keys(metadata).length > 0 ? { 'upload-metadata': metadataHeader(metadata) } : {};
  return tusRequest(world.url, {
    method: 'POST',
    headers: { 'upload-length': String(size), ...said, ...headers },
  });
}

async function begin(token: string, size = 10): Promise<string> {
  const { status, headers, text } = await post(bearer(token), {}, size);
  if (status !== 201) throw new Error(text);
  return new URL(headers.location ?? '', world.url).toString();
}

const APPEND: TusRequest = {
  method: 'PATCH',
  headers: { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' },
  body: Buffer.from('01234'),
};
const ON_AN_UPLOAD: readonly TusRequest[] = [{ method: 'HEAD' }, APPEND, { method: 'DELETE' }];

function send(url: string, request: TusRequest, headers: Readonly<Record<string, string>> = {}) {
  return tusRequest(url, { ...request, headers: { ...request.headers, ...headers } });
}

/** Lets an upload have been begun so long ago. */
async function age(url: string, ageMs: number): Promise<void> {
  const path = world.paths.sidecar(idOf(url));
  const sidecar = JSON.parse(await readFile(path, 'utf8'));
  sidecar.permit.beganAtMs -= ageMs;
  await writeFile(path, JSON.stringify(sidecar));
}

/** Lets an upload have had its last byte so long ago. */
async function rest(url: string, restMs: number): Promise<void> {
  const atMs = Date.now() - restMs;
  await utimes(world.paths.data(idOf(url)), atMs / 1000, atMs / 1000);
}

describe('an upload with a token', () => {
  it('passes from a stock client, and is of the recording and has the title that the token names (C41)', async () => {
    await start();
    const token = await tokenFor('lesson-1', { title: 'Algebra 1' });
    const content = randomBytes(300_000);

    await stockUpload(content, {
      endpoint: world.url,
      headers: bearer(token),
      metadata: { title: 'something else', filename: 'a.mp4' },
      chunkSize: 100_000,
    }).done;

    await expect
      .poll(() => world.pipeline.posts)
      .toMatchObject([{ ace_id: 'lesson-1', title: 'Algebra 1', filename: 'a.mp4', size: 300_000 }]);
  });

  it('resumes with a token that was made anew, also with the secret of before', async () => {
    await start({ tokenSecrets: [SECRET, OLD_SECRET] });
    const url = await begin(await tokenFor('lesson-1', { secret: OLD_SECRET }));

    const appended = await send(url, APPEND, bearer(await tokenFor('lesson-1')));

    expect(appended).toMatchObject({ status: 204, headers: { 'upload-offset': '5' } });
  });

  it('is not larger than the token allows', async () => {
    await start();
    const token = bearer(await tokenFor('lesson-1', { maxBytes: 10 }));

    expect((await post(token, {}, 10)).status).toBe(201);
    const refused = await post(token, {}, 11);

    expect(problemIn(refused)).toMatchObject({ status: 413, code: 'UPLOAD_TOO_LARGE' });
  });

  it('may name the recording in its metadata too, if it is the same', async () => {
    await start();
    const token = bearer(await tokenFor('lesson-1'));

    expect((await post(token, { ace_id: 'lesson-1' })).status).toBe(201);
    expect(problemIn(await post(token, { ace_id: 'lesson-2' }))).toMatchObject({
      status: 403,
      code: 'UPLOAD_TOKEN_MISMATCH',
    });
  });
});

describe('a request without the right token', () => {
  it('is refused whatever it wants, and told how to come by one', async () => {
    await start();
    const url = await begin(await tokenFor('lesson-1'));

    const answers = [await post({}, { ace_id: 'lesson-1' })];
    for (const request of ON_AN_UPLOAD.slice(1)) answers.push(await send(url, request));
    for (const answer of answers) {
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(problemIn(answer)).toMatchObject({
        status: 401,
        code: 'UPLOAD_TOKEN_MISSING',
        advice: expect.stringContaining('Authorization: Bearer'),
      });
    }
    expect((await head(url)).status).toBe(401);
    expect((await send(url, { method: 'OPTIONS' })).status).toBe(204);
  });

  it('is refused with the token of another recording, as if there were no such upload', async () => {
    await start();
    const url = await begin(await tokenFor('lesson-1'));
    const nowhere = url.replace(/[^/]+$/, '0'.repeat(32));
    const foreign = bearer(await tokenFor('lesson-2'));

    for (const request of ON_AN_UPLOAD) {
      const [here, there] = [await send(url, request, foreign), await send(nowhere, request, foreign)];
      expect(here.status).toBe(404);
      expect(here).toEqual({ ...there, headers: { ...there.headers, date: here.headers.date } });
    }
    expect((await send(url, { method: 'HEAD' }, bearer(await tokenFor('lesson-1')))).status).toBe(200);
  });

  it.each([
    ['with another secret', () => tokenFor('lesson-1', { secret: OLD_SECRET }), 'UPLOAD_TOKEN_INVALID'],
    ['too long ago', () => tokenFor('lesson-1', { expiresInS: -60 }), 'UPLOAD_TOKEN_EXPIRED'],
    ['by nobody', async () => 'e30.e30.', 'UPLOAD_TOKEN_INVALID'],
  ])('cannot begin an upload if the token was made %s', async (_name, make, code) => {
    await start();

    const refused = await post(bearer(await make()), { ace_id: 'lesson-1' });

    expect(problemIn(refused)).toMatchObject({ status: 401, code });
    expect(await readdir(world.paths.uploads)).toEqual([]);
  });
});

describe('a token that has expired', () => {
  const EXPIRED = { expiresInS: -60 } as const;

  it('is good for the upload that was begun while it was in time', async () => {
    await start();
    const url = await begin(await tokenFor('lesson-1'));
    await age(url, 120_000);
    const expired = bearer(await tokenFor('lesson-1', EXPIRED));

    expect((await send(url, { method: 'HEAD' }, expired)).status).toBe(200);
    expect((await send(url, APPEND, expired)).status).toBe(204);
    expect((await send(url, { method: 'DELETE' }, expired)).status).toBe(204);
  });

  it('is not good for one that was begun later, nor for one of another recording', async () => {
    await start();
    const later = await begin(await tokenFor('lesson-1'));
    const foreign = await begin(await tokenFor('lesson-2'));
    await age(foreign, 120_000);
    const expired = bearer(await tokenFor('lesson-1', EXPIRED));

    for (const url of [later, foreign]) {
      expect(problemIn(await send(url, APPEND, expired)).code).toBe('UPLOAD_TOKEN_EXPIRED');
    }
  });

  it('is not good for ever: a fresh one goes on after the time in which an upload expires', async () => {
    await start({ expiresAfterMs: 3_600_000 });
    const url = await begin(await tokenFor('lesson-1'));
    await age(url, 3_700_000);

    expect((await send(url, APPEND, bearer(await tokenFor('lesson-1', { expiresInS: -60 })))).status).toBe(
      401,
    );
    expect((await send(url, APPEND, bearer(await tokenFor('lesson-1')))).status).toBe(204);
  });
});

describe('a token in the metadata', () => {
  it('serves a client that cannot set headers, also when it resumes', async () => {
    await start();
    const token = await tokenFor('lesson-1');
    const content = randomBytes(300_000);

    await stockUpload(content, { endpoint: world.url, metadata: { token }, chunkSize: 100_000 }).done;

    await expect.poll(() => world.pipeline.posts).toMatchObject([{ ace_id: 'lesson-1', size: 300_000 }]);
  });

  it('is kept nowhere: not on the disk, not in the log, not in what is told of the upload', async () => {
    await start();
    const token = await tokenFor('lesson-1');
    const created = await post({}, { token, title: 'Algebra' });
    const url = new URL(created.headers.location ?? '', world.url).toString();
    await post({}, { token: `${token}x`, title: 'Algebra' });
    const told = await head(url);
    world.pipeline.answer = () => ({ status: 500 });
    await send(url, { ...APPEND, body: Buffer.from('0123456789') });
    await expect.poll(() => world.pipeline.posts.length).toBeGreaterThan(0);

    const [, , signature = ''] = token.split('.');
    const kept = [JSON.stringify(world.logLines), JSON.stringify(world.pipeline.posts), JSON.stringify(told)];
    for (const folder of [world.paths.uploads, world.paths.incoming]) {
      for (const name of await readdir(folder)) {
        if (name.endsWith('.json')) kept.push(await readFile(join(folder, name), 'utf8'));
      }
    }
    expect(kept.length).toBeGreaterThan(4);
    expect(told.headers['upload-metadata']).toBe(metadataHeader({ title: 'Algebra', ace_id: 'lesson-1' }));
    for (const text of kept) {
      expect(text).not.toContain(signature);
      expect(text).not.toContain(Buffer.from(token).toString('base64'));
    }
  });

  it("leaves the upload to its address for as long as an upload lives, and to no other recording's token", async () => {
    await start({ expiresAfterMs: 3_600_000 });
    const created = await post({}, { token: await tokenFor('lesson-1') });
    const url = new URL(created.headers.location ?? '', world.url).toString();

    expect((await send(url, APPEND, bearer(await tokenFor('lesson-2')))).status).toBe(404);
    expect((await head(url)).status).toBe(200);
    await age(url, 3_700_000);
    expect((await head(url)).status).toBe(401);
  });

  it('is not asked for where the header has one', async () => {
    await start();

    const refused = await post(bearer('nonsense'), { token: await tokenFor('lesson-1') });

    expect(problemIn(refused).code).toBe('UPLOAD_TOKEN_INVALID');
  });
});

describe('a server without a secret', () => {
  it.each([
    ['came through a proxy', { 'x-forwarded-for': '198.51.100.7' }],
    ['came through a proxy that says only how', { 'x-forwarded-proto': 'https' }],
    ['was sent by a page of another site', { origin: 'https://evil.example' }],
    ['was sent to a name that was made to lead here', { host: 'rebound.example' }],
  ])('refuses what %s', async (_name, headers) => {
    await start({ tokenSecrets: [] });

    const refused = await post(headers, { ace_id: 'lesson-1' });

    expect(problemIn(refused)).toMatchObject({
      status: 403,
      code: 'NOT_LOCAL',
      advice: expect.stringContaining('UPLOAD_TOKEN_SECRET'),
    });
  });

  it('takes uploads of callers on this machine, and forgets a token that nobody asked for', async () => {
    await start({ tokenSecrets: [] });

    const created = await post({}, { ace_id: 'lesson-1', token: 'unasked-for' });

    expect(created.status).toBe(201);
    const [name = ''] = (await readdir(world.paths.uploads)).filter((each) => each.endsWith('.json'));
    expect(await readFile(join(world.paths.uploads, name), 'utf8')).not.toContain('unasked-for');
  });
});

describe('limits', () => {
  it('hold for the unfinished uploads of one recording, and not for its finished ones', async () => {
    await start({ limits: { maxOpenPerAceId: 2 } });
    const token = await tokenFor('lesson-1');
    const first = await begin(token);
    await begin(token);

    const refused = await post(bearer(token));
    await send(first, { method: 'DELETE' }, bearer(token));

    expect(refused.headers['retry-after']).toBe('60');
    expect(problemIn(refused)).toMatchObject({ status: 429, code: 'UPLOAD_LIMIT_REACHED' });
    expect((await post(bearer(token))).status).toBe(201);
    expect((await post(bearer(await tokenFor('lesson-2')))).status).toBe(201);
  });

  it('let the smallest upload that rests give way to a new one of the same recording', async () => {
    await start({ limits: { maxOpenPerAceId: 2 } });
    const token = await tokenFor('lesson-1');
    const [larger, smaller] = [await begin(token), await begin(token)];
    await send(larger, APPEND, bearer(token));
    await send(smaller, { ...APPEND, body: Buffer.from('012') }, bearer(token));
    await rest(larger, 3_000_000);
    await rest(smaller, 700_000);

    expect((await post(bearer(token))).status).toBe(201);

    expect((await send(smaller, { method: 'HEAD' }, bearer(token))).status).toBe(404);
    expect((await send(larger, { method: 'HEAD' }, bearer(token))).status).toBe(200);
  });

  it('let one that never had a byte give way soon, and one that has some not before it rests', async () => {
    await start({ limits: { maxOpenPerAceId: 2 } });
    const token = await tokenFor('lesson-1');
    const [begun, empty] = [await begin(token), await begin(token)];
    await send(begun, APPEND, bearer(token));
    await rest(begun, 60_000);
    const tooSoon = await post(bearer(token));
    await rest(empty, 60_000);

    expect(tooSoon.status).toBe(429);
    expect((await post(bearer(token))).status).toBe(201);
    expect((await send(empty, { method: 'HEAD' }, bearer(token))).status).toBe(404);
    expect((await send(begun, { method: 'HEAD' }, bearer(token))).status).toBe(200);
  });

  it('hold for all together, at the same moment too, and after a restart', async () => {
    await start({ limits: { maxOpen: 3 } });
    const tokens = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((aceId) => tokenFor(aceId)));

    const answers = await Promise.all(tokens.map((token) => post(bearer(token))));
    await world.restart();
    const later = await post(bearer(await tokenFor('f')));

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 429, 429]);
    expect(later.status).toBe(429);
  });

  it('hold for one client behind the proxy, if it is trusted to tell who that is', async () => {
    await start({ trustsProxy: true, limits: { maxOpenPerAddress: 1 } });
    const from = async (aceId: string, address: string) =>
      (await post({ ...bearer(await tokenFor(aceId)), 'x-forwarded-for': address })).status;

    expect(await from('a', '198.51.100.7')).toBe(201);
    expect(await from('b', '198.51.100.7')).toBe(429);
    expect(await from('c', '198.51.100.8, 198.51.100.7')).toBe(429);
    expect(await from('d', '198.51.100.8')).toBe(201);
  });

  it('do not count addresses that anybody can claim', async () => {
    await start({ limits: { maxOpenPerAddress: 1 } });
    for (const aceId of ['a', 'b']) {
      const headers = { ...bearer(await tokenFor(aceId)), 'x-forwarded-for': '198.51.100.7' };
      expect((await post(headers)).status).toBe(201);
    }
  });

  it('hold for how fast uploads of one recording are begun', async () => {
    await start({ limits: { maxNewPerMinute: 2 } });
    const token = bearer(await tokenFor('lesson-1'));

    const answers = [await post(token), await post(token), await post(token)];

    expect(answers.map(({ status }) => status)).toEqual([201, 201, 429]);
  });

  it('hold for the length of the metadata', async () => {
    await start();

    const refused = await post(bearer(await tokenFor('lesson-1')), { notes: 'x'.repeat(9500) });

    expect(problemIn(refused)).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    expect((await post({}, { notes: 'x'.repeat(20_000) })).status).toBe(431);
  });
});

describe('a page in a browser', () => {
  const PAGE = 'https://academy.example';
  const PREFLIGHT = {
    method: 'OPTIONS',
    headers: {
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'authorization,content-type,tus-resumable,upload-offset',
    },
  } as const;

  it('of an allowed origin may send all that tus needs, and read all that it is answered', async () => {
    await start({ allowedOrigins: [PAGE] });
    const token = await tokenFor('lesson-1');

    const preflight = await send(world.url, PREFLIGHT, { origin: PAGE });
    const created = await post({ ...bearer(token), origin: PAGE });

    expect(preflight).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': PAGE } });
    const allowed = preflight.headers['access-control-allow-headers']?.toLowerCase().split(', ');
    expect(allowed).toEqual(
      expect.arrayContaining([
        'authorization',
        'content-type',
        'tus-resumable',
        'upload-offset',
        'upload-length',
        'upload-metadata',
      ]),
    );
    expect(preflight.headers['access-control-allow-methods']).toBe('POST, HEAD, PATCH, DELETE, OPTIONS');
    expect(created).toMatchObject({
      status: 201,
      headers: { 'access-control-allow-origin': PAGE, vary: 'Origin' },
    });
    const exposed = created.headers['access-control-expose-headers']?.split(', ');
    expect(exposed).toEqual(
      expect.arrayContaining([
        'Location',
        'Upload-Offset',
        'Upload-Length',
        'Upload-Expires',
        'Tus-Resumable',
        'Tus-Max-Size',
      ]),
    );
  });

  it('of an allowed origin can read every refusal', async () => {
    await start({ allowedOrigins: [PAGE] });
    const origin = { origin: PAGE };
    const url = `${world.url}/${'0'.repeat(32)}`;

    const refusals = [
      await post(origin),
      await post({ ...origin, 'tus-resumable': '0.2.1' }),
      await send(url, { method: 'GET' }, origin),
      await send(url, { method: 'PUT' }, origin),
      await send(url, APPEND, { ...origin, ...bearer(await tokenFor('lesson-1')) }),
      await send(new URL('/elsewhere', world.url).toString(), { method: 'POST' }, origin),
    ];

    expect(refusals.map(({ status }) => status)).toEqual([401, 412, 405, 404, 404, 404]);
    for (const refusal of refusals) {
      expect(refusal.headers).toMatchObject({ 'access-control-allow-origin': PAGE, vary: 'Origin' });
      expect(problemIn(refusal).status).toBe(refusal.status);
    }
  });

  it.each([
    'https://evil.example',
    'https://academy.example.evil.example',
    'http://academy.example',
    'https://academy.example:8443',
    'HTTPS://ACADEMY.EXAMPLE',
    'null',
  ])('of %s is allowed nothing', async (origin) => {
    await start({ allowedOrigins: [PAGE] });

    const preflight = await send(world.url, PREFLIGHT, { origin });
    const created = await post({ ...bearer(await tokenFor('lesson-1')), origin });

    for (const { headers } of [preflight, created]) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
      expect(headers.vary).toBe('Origin');
    }
  });
});

describe('content', () => {
  const SAMPLE = new URL('../fixtures/sample.mp4', import.meta.url);

  async function appendAll(url: string, content: Buffer, headers: Record<string, string>, stepBytes: number) {
    for (let offset = 0; ; offset += stepBytes) {
      const body = content.subarray(offset, offset + stepBytes);
      const answer = await send(url, { ...APPEND, body }, { 'upload-offset': String(offset), ...headers });
      if (answer.status !== 204 || offset + body.length >= content.length) return { answer, offset };
    }
  }

  it('that is video passes, in steps of any length', async () => {
    await start({ media: STRICT_MEDIA_GATE });
    const content = (await readFile(SAMPLE)).subarray(0, 9000);
    const token = await tokenFor('lesson-1');
    const url = await begin(token, content.length);

    const { answer } = await appendAll(url, content, bearer(token), 1234);

    expect(answer.status).toBe(204);
    expect(content.equals(await readFile(world.paths.finished(idOf(url))))).toBe(true);
  });

  it.each([
    ['with its first bytes', 1_000_000, 500_000, 0],
    ['as soon as enough of them have come', 1_000_000, 1500, 3000],
    ['before the end is confirmed, if there are no more', 100, 60, 60],
  ])(
    'that is neither audio nor video is refused %s, and nothing of it is left',
    async (_name, bytes, step, at) => {
      await start({ media: STRICT_MEDIA_GATE });
      const token = await tokenFor('lesson-1');
      const url = await begin(token, bytes);

      const { answer, offset } = await appendAll(url, Buffer.alloc(bytes, 'text '), bearer(token), step);

      expect(offset).toBe(at);
      expect(problemIn(answer)).toMatchObject({ status: 415, code: 'NOT_MEDIA' });
      expect(await readdir(world.paths.uploads)).toEqual([]);
      expect(await readdir(world.paths.incoming)).toEqual(['refused']);
      expect((await send(url, { method: 'HEAD' }, bearer(token))).status).toBe(404);
    },
  );

  it('that is neither is refused to a client that is sending it, in words that it can read', async () => {
    await start({ media: STRICT_MEDIA_GATE, maxBytes: 1e9 });
    const token = await tokenFor('lesson-1');

    for (const uploadDataDuringCreation of [false, true]) {
      const { done } = stockUpload(Buffer.alloc(30_000_000), {
        endpoint: world.url,
        headers: bearer(token),
        uploadDataDuringCreation,
        retryDelays: null,
      });
      await expect(done).rejects.toThrow(/415.*NOT_MEDIA/s);
    }
    expect(await readdir(world.paths.uploads)).toEqual([]);
  });

  it('that has come when the connection is given up is kept, however little it is', async () => {
    await start({ media: STRICT_MEDIA_GATE, idleTimeoutMs: 300 });
    const content = (await readFile(SAMPLE)).subarray(0, 9000);
    const token = await tokenFor('lesson-1');
    const url = await begin(token, content.length);
    const { request, ended } = openPatch(url, 0, content.length, bearer(token));
    request.write(content.subarray(0, 700));

    expect(await ended).toBe('closed');
    const offset = Number((await send(url, { method: 'HEAD' }, bearer(token))).headers['upload-offset']);
    const rest = { ...APPEND, body: content.subarray(offset) };
    const answer = await send(url, rest, { ...bearer(token), 'upload-offset': String(offset) });

    expect(offset).toBe(700);
    expect(answer.status).toBe(204);
    expect(content.equals(await readFile(world.paths.finished(idOf(url))))).toBe(true);
  });
});

it('answers whatever metadata a client sends, and goes on answering', async () => {
  await start();
  const token = bearer(await tokenFor('lesson-1'));
  const printable = fc.string({ unit: fc.constantFrom(...' ,=+/ABCabc019_-{}"\\%\t'), maxLength: 200 });
  const pairs = fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ unit: 'binary', maxLength: 50 }));
  const header = fc.oneof(
    printable,
    pairs.map((pair) => metadataHeader(pair).replace(/[^\x20-\x7e]/g, '')),
  );
  await fc.assert(
    fc.asyncProperty(header, async (metadata) => {
      const answer = await tusRequest(world.url, {
        method: 'POST',
        headers: { 'upload-length': '5', 'upload-metadata': metadata, ...token },
      });
      expect([201, 400, 403]).toContain(answer.status);
      if (answer.status === 201) {
        const url = new URL(answer.headers.location ?? '', world.url).toString();
        expect((await send(url, { method: 'DELETE' }, token)).status).toBe(204);
      }
    }),
    { numRuns: 50 },
  );
});
