import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createUploadDesk } from '../../src/desk/uploads.ts';
import { aceKey, recordingId } from '../../src/domain/ids.ts';
import { createHandOff } from '../../src/tus/hand-off.ts';
import { makeUploadFolders, uploadPaths } from '../../src/tus/upload-paths.ts';
import { type Headers, problem, startTestApp, type TestApp } from '../support/app.ts';
import { openEventStream } from '../support/event-stream.ts';
import { SAMPLE } from '../support/house.ts';
import { fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';

const TOKEN = 'an-admin-token-of-thirty-chars';
/** As a proxy on this machine would pass a request on. */
const FROM_AFAR = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', host: 'sluice.example' };
const BEARER = { authorization: `Bearer ${TOKEN}` };
const OWN_PAGE = { origin: 'https://sluice.example', 'sec-fetch-site': 'same-origin' };
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

const OPERATORS_ROUTES = [
  ['GET', '/api/recordings'],
  ['GET', '/api/recordings/rec_x'],
  ['GET', '/api/status'],
  ['POST', '/api/line/pause'],
  ['POST', '/api/line/resume'],
  ['POST', '/api/site/listens'],
  ['POST', '/api/deliveries/msg_x/replay'],
  ['POST', '/custom-upload'],
] as const;

let ledger: TestLedger;
let app: TestApp;

beforeAll(async () => {
  ledger = await openTestLedger();
});

afterAll(() => ledger.close());

beforeEach(async () => {
  app = await startTestApp(ledger, '127.0.0.1', { operators: { adminToken: TOKEN } });
});

afterEach(() => app.close());

function logIn(token: string, headers: Headers = { ...FROM_AFAR, ...OWN_PAGE }, next = '/') {
  const body = String(new URLSearchParams({ token, next }));
  return app.send('POST', '/login', { ...FORM, ...headers }, body);
}

async function session(): Promise<Headers> {
  const { headers } = await logIn(TOKEN);
  return { cookie: headers['set-cookie']?.[0]?.split(';')[0] ?? '' };
}

describe('somebody who is not on this machine', () => {
  it.each(OPERATORS_ROUTES)('is asked to log in at %s %s', async (method, path) => {
    const reply = await app.send(method, path, FROM_AFAR);

    expect(reply).toEqual(problem(401, 'LOGIN_REQUIRED'));
    expect(reply.headers['www-authenticate']).toBe('Bearer');
  });

  it.each(OPERATORS_ROUTES)('gets in at %s %s with the token', async (method, path) => {
    const { status } = await app.send(method, path, { ...FROM_AFAR, ...BEARER });

    expect([401, 403]).not.toContain(status);
  });

  it('is led to the login by a browser that asks for a page, and back afterwards', async () => {
    const asked = await app.get('/api/recordings?limit=7', { ...FROM_AFAR, accept: 'text/html,*/*' });
    expect(asked.status).toBe(303);
    expect(asked.headers.location).toBe('/login?next=%2Fapi%2Frecordings%3Flimit%3D7');

    const page = await app.get(asked.headers.location ?? '', FROM_AFAR);
    expect(page.body).toContain('value="/api/recordings?limit=7"');

    const { status, headers } = await logIn(TOKEN, undefined, '/api/recordings?limit=7');
    expect([status, headers.location]).toEqual([303, '/api/recordings?limit=7']);
  });

  it.each([
    ['a wrong token', 'Bearer an-admin-token-of-thirty-charS'],
    ['a token with something behind it', `Bearer ${TOKEN}x`],
    ['half a token', `Bearer ${TOKEN.slice(0, 20)}`],
    ['a token of as many characters and more bytes', `Bearer ${'\u00e9'.repeat(TOKEN.length)}`],
    ['no token', 'Bearer '],
    ['the token by another scheme', `Basic ${Buffer.from(`admin:${TOKEN}`).toString('base64')}`],
  ])('is refused with %s', async (_name, authorization) => {
    expect(await app.get('/api/status', { ...FROM_AFAR, authorization })).toEqual(
      problem(401, 'LOGIN_REQUIRED'),
    );
  });

  it('is not told apart by what exists, and is told nothing', async () => {
    const there = await app.get('/api/recordings', FROM_AFAR);
    const missing = await app.get('/api/recordings/rec_missing', FROM_AFAR);

    expect(there.body).toEqual(missing.body);
  });

  it('does not hand over uploads, with the token neither', async () => {
    const body = { path: SAMPLE, ace_id: 'x', upload_id: 'u', size: 5 };

    expect(await app.post('/manual-upload', body, { ...FROM_AFAR, ...BEARER })).toEqual(
      problem(403, 'NOT_LOCAL'),
    );
  });

  it('gets in nowhere while no token is set', async () => {
    const closed = await startTestApp(ledger);
    try {
      expect(await closed.get('/api/status', { ...FROM_AFAR, authorization: 'Bearer undefined' })).toEqual(
        problem(403, 'NOT_LOCAL'),
      );
      expect(await closed.get('/api/status', { ...FROM_AFAR, authorization: 'Bearer ' })).toEqual(
        problem(403, 'NOT_LOCAL'),
      );
      expect(await closed.get('/login', FROM_AFAR)).toEqual(problem(404, 'NOT_FOUND'));
    } finally {
      await closed.close();
    }
  });
});

describe('callers on this machine', () => {
  it('need no token', async () => {
    expect((await app.get('/api/status')).status).toBe(200);
  });

  it('are refused with a wrong one, instead of being taken for somebody else', async () => {
    expect(await app.get('/api/status', { authorization: 'Bearer wrong' })).toEqual(
      problem(401, 'LOGIN_REQUIRED'),
    );
  });

  it('need one as well where this machine is not trusted, the tus process included', async () => {
    const strict = await startTestApp(ledger, '127.0.0.1', {
      operators: { adminToken: TOKEN, isLocalTrusted: false },
    });
    try {
      expect(await strict.get('/api/status')).toEqual(problem(401, 'LOGIN_REQUIRED'));
      expect(await strict.post('/manual-upload', {})).toEqual(problem(401, 'LOGIN_REQUIRED'));
      expect((await strict.get('/api/status', BEARER)).status).toBe(200);
      expect(await strict.post('/manual-upload', {}, BEARER)).toEqual(problem(400, 'REQUEST_INVALID'));
      expect((await strict.get('/healthz')).status).toBe(200);
    } finally {
      await strict.close();
    }
  });
});

describe('the tus process', () => {
  it('hands its uploads over with the token where this machine is not trusted', async () => {
    const strict = await startTestApp(ledger, '127.0.0.1', {
      operators: { adminToken: TOKEN, isLocalTrusted: false },
    });
    const paths = uploadPaths(join(ledger.folder, 'uploads'), join(ledger.folder, 'incoming'));
    await makeUploadFolders(paths);
    const id = 'a'.repeat(32);
    await writeFile(paths.finished(id), 'hello');
    const handOff = createHandOff({
      paths,
      pipelineUrl: strict.url,
      adminToken: TOKEN,
      desk: createUploadDesk(ledger),
      log: pino({ level: 'silent' }),
    });
    try {
      handOff.add({ upload_id: id, ace_id: 'by-tus', size: 5 });

      await expect
        .poll(() => ledger.recordings.get(recordingId(aceKey('by-tus'))))
        .toMatchObject({ source: 'manual' });
    } finally {
      await handOff.stop();
      await strict.close();
    }
  });
});

describe('a login', () => {
  it('opens what operators use, until the logout', async () => {
    const cookie = await session();
    expect((await app.get('/api/status', { ...FROM_AFAR, ...cookie })).status).toBe(200);
    expect(
      (await app.send('POST', '/api/line/resume', { ...FROM_AFAR, ...cookie, ...OWN_PAGE })).status,
    ).toBe(200);

    const out = await app.send('POST', '/logout', { ...FORM, ...FROM_AFAR, ...cookie, ...OWN_PAGE }, '');

    expect([out.status, out.headers.location]).toEqual([303, '/login']);
    expect(out.headers['set-cookie']?.[0]).toContain('Max-Age=0');
    expect(await app.get('/api/status', { ...FROM_AFAR, ...cookie })).toEqual(problem(401, 'LOGIN_REQUIRED'));
  });

  it('is kept in a cookie that no script reads and no other site sends, over https only there', async () => {
    const overHttps = (await logIn(TOKEN)).headers['set-cookie']?.[0] ?? '';
    const overHttp =
      (await logIn(TOKEN, { 'x-forwarded-for': '203.0.113.7' })).headers['set-cookie']?.[0] ?? '';

    expect(overHttps).toMatch(
      /^sluice_session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/,
    );
    expect(overHttp).toMatch(/SameSite=Strict$/);
    expect(overHttps).not.toContain(TOKEN);
  });

  it('with a wrong token shows the page again, says why, and gives no cookie', async () => {
    const reply = await logIn('wrong', undefined, '/a?b=c');

    expect(reply.status).toBe(401);
    expect(reply.headers['set-cookie']).toBeUndefined();
    expect(reply.body).toContain('role="alert"');
    expect(reply.body).toContain('value="/a?b=c"');
    expect(reply.body).not.toContain('wrong"');
  });

  it.each<Headers>([
    { origin: 'https://evil.example.com' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'https://other.sluice.example' },
  ])('by a page of another origin is refused: %j', async (headers) => {
    expect(await logIn(TOKEN, { ...FROM_AFAR, ...headers })).toEqual(problem(403, 'CROSS_SITE'));
  });

  it('never leads to another server', async () => {
    expect((await logIn(TOKEN, undefined, '//evil.example.com')).headers.location).toBe('/');
  });

  it.each([
    ['JSON', { 'content-type': 'application/json' }, '{"token":"x"}', 415],
    ['a form without end', FORM, `token=${'x'.repeat(9000)}`, 413],
    ['nothing', FORM, '', 401],
  ])('with %s is refused', async (_name, headers, body, status) => {
    expect((await app.send('POST', '/login', { ...FROM_AFAR, ...headers }, body)).status).toBe(status);
  });
});

describe('whoever is logged in', () => {
  it.each<[string, Headers]>([
    ['a page of another origin', { origin: 'https://evil.example.com' }],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour on the same site', { 'sec-fetch-site': 'same-site', origin: 'https://x.sluice.example' }],
    ['something that no browser would send', {}],
  ])('is not made to act by %s', async (_name, headers) => {
    const cookie = await session();

    const reply = await app.send('POST', '/api/line/pause', { ...FROM_AFAR, ...cookie, ...headers });

    expect(reply).toEqual(problem(403, 'CROSS_SITE'));
    expect(await ledger.switches.get('line.paused')).toBeUndefined();
  });

  it('may use a proxy that gives the server another name, if it says which one it has', async () => {
    const cookie = await session();
    const headers = { ...FROM_AFAR, host: '127.0.0.1:9009', 'x-forwarded-host': 'sluice.example' };

    const reply = await app.send('POST', '/api/line/resume', {
      ...headers,
      ...cookie,
      origin: 'https://sluice.example',
    });

    expect(reply.status).toBe(200);
  });

  it('is nobody any more once the server was started anew', async () => {
    const cookie = await session();
    await app.close();
    app = await startTestApp(ledger, '127.0.0.1', { operators: { adminToken: TOKEN } });

    expect((await app.get('/api/status', { ...FROM_AFAR, ...cookie })).status).toBe(401);
  });
});

describe('whoever guesses tokens', () => {
  it('is soon told to wait, at the login and by header', async () => {
    const answers: number[] = [];
    for (let n = 0; n < 12; n += 1) answers.push((await logIn(`guess ${n}`)).status);
    expect(answers).toEqual([...Array(10).fill(401), 429, 429]);

    const byHeader = await app.get('/api/status', { ...FROM_AFAR, authorization: 'Bearer guess' });
    expect(byHeader).toEqual(problem(429, 'TOO_MANY_REQUESTS'));
    expect(Number(byHeader.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('locks nobody out who knows the right token: not at the same address, not from many', async () => {
    for (let n = 0; n < 60; n += 1) await logIn(`guess ${n}`);
    for (let n = 0; n < 400; n += 1) {
      const authorization = `Bearer guess-${n}`;
      await app.get('/api/status', {
        ...FROM_AFAR,
        'x-forwarded-for': `198.51.100.${n % 250}`,
        authorization,
      });
    }

    const other = { ...FROM_AFAR, 'x-forwarded-for': '192.0.2.9' };
    expect((await logIn('wrong', { ...other, ...OWN_PAGE })).status).toBe(429);
    for (const from of [FROM_AFAR, other]) {
      expect((await logIn(TOKEN, { ...from, ...OWN_PAGE })).status).toBe(303);
      expect((await app.get('/api/status', { ...from, ...BEARER })).status).toBe(200);
    }
    expect((await app.get('/api/status')).status).toBe(200);
  });

  it('does not hold up the hand-off of uploads where this machine is not trusted', async () => {
    const distrusting = await startTestApp(ledger, '127.0.0.1', {
      operators: { adminToken: TOKEN, isLocalTrusted: false },
    });
    const hand = (authorization: string) =>
      distrusting.send('POST', '/manual-upload', { authorization, 'content-type': 'application/json' }, '{}');
    for (let n = 0; n < 30; n += 1) await hand(`Bearer guess-${n}`);

    expect((await hand('Bearer guess')).status).toBe(429);
    // Refused for what it says, no longer for who sends it.
    expect((await hand(`Bearer ${TOKEN}`)).status).toBe(400);
    await distrusting.close();
  });

  it('does not end the session of somebody at the same address', async () => {
    const cookie = await session();
    for (let n = 0; n < 12; n += 1) await logIn(`guess ${n}`);

    expect((await app.get('/api/status', { ...FROM_AFAR, ...cookie })).status).toBe(200);
  });
});

describe('a token that is being changed', () => {
  it('opens beside the new one while it is given, and no longer', async () => {
    const before = 'the-admin-token-of-last-year';
    const changing = await startTestApp(ledger, '127.0.0.1', {
      operators: { adminToken: TOKEN, adminTokenOld: before },
    });
    for (const token of [TOKEN, before]) {
      const authorization = `Bearer ${token}`;
      expect((await changing.get('/api/status', { ...FROM_AFAR, authorization })).status).toBe(200);
    }
    await changing.close();

    const authorization = `Bearer ${before}`;
    expect((await app.get('/api/status', { ...FROM_AFAR, authorization })).status).toBe(401);
  });
});

describe('a stream of events', () => {
  const listen = (headers: Headers) => openEventStream(`${app.url}/api/events`, { ...FROM_AFAR, ...headers });

  it('ends with the session that began it, and with no other', async () => {
    const [mine, others] = [await session(), await session()];
    const stream = await listen(mine);
    const other = await listen(others);
    const byToken = await listen(BEARER);
    expect([stream.status, other.status, byToken.status]).toEqual([200, 200, 200]);

    await app.send('POST', '/logout', { ...FROM_AFAR, ...OWN_PAGE, ...mine });
    await stream.ended;
    const told = stream.text();
    await vi.waitFor(() => {
      for (const each of [other, byToken]) expect(each.of('status').length).toBeGreaterThan(0);
    });
    await ledger.recordings.accept(fileRecording('after-the-logout'));

    await vi.waitFor(() => expect(other.text()).toContain('recording.accepted'), 5000);
    await vi.waitFor(() => expect(byToken.text()).toContain('recording.accepted'), 5000);
    expect(stream.text()).toBe(told);
    expect((await listen(mine)).status).toBe(401);
    other.close();
    byToken.close();
  });
});

describe('what operators do', () => {
  it('is logged with the way in, the address and the session, and without the token', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const told = await startTestApp(ledger, '127.0.0.1', { operators: { adminToken: TOKEN }, log });
    const { headers } = await told.send(
      'POST',
      '/login',
      { ...FORM, ...FROM_AFAR, ...OWN_PAGE },
      `token=${TOKEN}`,
    );
    const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    await told.send('POST', '/api/line/pause', { ...FROM_AFAR, ...OWN_PAGE, cookie });
    await told.send('POST', '/api/line/resume', { ...FROM_AFAR, ...BEARER });
    await told.get('/api/status', { ...FROM_AFAR, cookie });
    await told.close();

    const acts = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'operator.acted');
    const { session: label } = lines
      .map((line) => JSON.parse(line))
      .find(({ event }) => event === 'login.accepted');
    expect(acts).toMatchObject([
      { method: 'POST', path: '/api/line/pause', by: 'session', session: label, caller: '203.0.113.7' },
      { method: 'POST', path: '/api/line/resume', by: 'token', caller: '203.0.113.7' },
    ]);
    expect(lines.join('')).not.toContain(TOKEN);
    expect(lines.join('')).not.toContain(cookie.split('=')[1]);
  });
});

describe('browsers are told', () => {
  it.each(['/healthz', '/api/status', '/nothing-here'])(
    'to trust nothing further than it goes, at %s',
    async (path) => {
      const { headers } = await app.get(path);

      expect(headers).toMatchObject({
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'cache-control': 'no-store',
      });
      expect(headers['access-control-allow-origin']).toBeUndefined();
    },
  );

  it('to run no script on the login page, and to send its form nowhere else', async () => {
    const { headers, body } = await app.get('/login', FROM_AFAR);

    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(body).toContain('<html lang="en">');
    expect(body).toContain('<label for="token">');
    expect(body).not.toContain('<script');
  });
});

describe('a caller that asks for too much', () => {
  const few = { burst: 3, perSecond: 0.01 };
  let narrow: TestApp;

  beforeEach(async () => {
    narrow = await startTestApp(ledger, '127.0.0.1', {
      operators: { adminToken: TOKEN },
      limits: { webhook: few, operator: few, viewer: few, nothing: few },
    });
  });

  afterEach(() => narrow.close());

  it.each<[string, string, string, Headers, number]>([
    ['what operators use', 'GET', '/api/status', BEARER, 200],
    ['the login page', 'GET', '/login', {}, 200],
    ['what is not there', 'GET', '/wp-admin', {}, 404],
  ])('is refused %s, and told for how long', async (_name, method, path, headers, status) => {
    const ask = () => narrow.send(method, path, { ...FROM_AFAR, ...headers });
    const before = [await ask(), await ask(), await ask()];

    const refused = await ask();

    expect(before.map((reply) => reply.status)).toEqual([status, status, status]);
    expect(refused).toEqual(problem(429, 'TOO_MANY_REQUESTS'));
    expect(refused.headers['retry-after']).toMatch(/^\d{2,3}$/);
  });

  it.each(['/zoom-upload', '/bunny-webhook'])(
    'is told 503 at %s, since nobody there would send again after 4xx',
    async (path) => {
      const ask = () => narrow.send('POST', path, FROM_AFAR, '');
      const before = [await ask(), await ask(), await ask()];

      expect(before.map(({ status }) => status)).toEqual([401, 401, 401]);
      expect(await ask()).toEqual(problem(503, 'TOO_BUSY'));
    },
  );

  it('uses up nothing of an operator at the same address who has proved to be one', async () => {
    for (let n = 0; n < 5; n += 1) await narrow.get('/api/status', FROM_AFAR);
    for (let n = 0; n < 5; n += 1) await narrow.get('/login', FROM_AFAR);

    expect((await narrow.get('/api/status', { ...FROM_AFAR, ...BEARER })).status).toBe(200);
    const form = { ...FORM, ...FROM_AFAR, ...OWN_PAGE };
    expect((await narrow.send('POST', '/login', form, `token=${TOKEN}`)).status).toBe(303);
  });

  it('leaves others theirs, and is not counted on this machine', async () => {
    const ask = (headers: Headers) => narrow.get('/nothing-here', headers);
    for (let n = 0; n < 5; n += 1) await ask(FROM_AFAR);
    const here = [];
    for (let n = 0; n < 5; n += 1) here.push((await ask({})).status);

    expect(here).toEqual([404, 404, 404, 404, 404]);
    expect((await ask({ 'x-forwarded-for': '198.51.100.4' })).status).toBe(404);
  });
});
