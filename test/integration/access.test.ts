import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createScrub } from '../../src/telemetry/scrub.ts';
import { type Headers, problem, type Reply, startTestApp, type TestApp } from '../support/app.ts';
import { createDoors } from '../support/doors.ts';
import { openEventStream } from '../support/event-stream.ts';
import { dumpLedger, fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';
import { isRunOnPostgres } from '../support/postgres-floor.ts';
import { routesOf } from '../support/routes.ts';

const TOKEN = 'an-admin-token-of-thirty-chars';
const FROM_AFAR = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', host: 'sluice.example' };
const OWN_PAGE = { origin: 'https://sluice.example', 'sec-fetch-site': 'same-origin' };
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

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

let names = 0;
const newName = () => {
  names += 1;
  return `Anna ${names}`;
};
const bearer = (token: string) => ({ ...FROM_AFAR, authorization: `Bearer ${token}` });

async function create(more: object = {}): Promise<{ name: string; token: string; headers: Headers }> {
  const name = newName();
  const { status, body } = await app.post('/api/access/tokens', { name, ...more });
  expect(status).toBe(201);
  return { name, token: body.token, headers: bearer(body.token) };
}

const revoke = (name: string) => app.post(`/api/access/tokens/${encodeURIComponent(name)}/revoke`, {});
const logIn = (token: string) =>
  app.send('POST', '/login', { ...FORM, ...FROM_AFAR, ...OWN_PAGE }, String(new URLSearchParams({ token })));
const cookieOf = ({ headers }: Reply) => ({ cookie: headers['set-cookie']?.[0]?.split(';')[0] ?? '' });

async function audit(query = ''): Promise<Record<string, unknown>[]> {
  return (await app.get(`/api/audit${query}`)).body.entries;
}

describe('a token with a name', () => {
  it('is shown once, opens what the admin token opens, and is kept nowhere', async () => {
    const { name, token, headers } = await create();

    expect(token).toMatch(/^sluice_[\w-]{43}$/);
    expect((await app.get('/api/status', headers)).status).toBe(200);
    expect((await app.send('POST', '/api/line/resume', headers)).status).toBe(200);
    expect((await app.get('/api/me', headers)).body).toEqual({ name, role: 'operator', way: 'token' });
    const listed = await app.get('/api/access/tokens');
    expect(listed.body.tokens[0]).toMatchObject({ name, state: 'valid', created_by: 'this server' });
    expect(JSON.stringify([listed.body, await dumpLedger(ledger.address)])).not.toContain(token.slice(7));
  });

  it('opens after a new start of the server, and says when it was last used', async () => {
    const { name, headers } = await create();
    await app.close();
    app = await startTestApp(ledger, '127.0.0.1', { operators: { adminToken: TOKEN } });

    expect((await app.get('/api/status', headers)).status).toBe(200);
    await vi.waitFor(async () => {
      const { tokens } = (await app.get('/api/access/tokens')).body;
      const { last_used_at: at } = tokens.find((each: { name: string }) => each.name === name);
      expect(Math.abs(Date.now() - Date.parse(at))).toBeLessThan(60_000);
    });
  });

  it('opens where no admin token is set, and lets its holder log in', async () => {
    const { token } = await create();
    const plain = await startTestApp(ledger);
    try {
      expect((await plain.get('/api/status', bearer(token))).status).toBe(200);
      expect((await plain.get('/login', FROM_AFAR)).status).toBe(200);
      expect(await plain.get('/api/status', FROM_AFAR)).toEqual(problem(401, 'LOGIN_REQUIRED'));
    } finally {
      await plain.close();
    }
  });

  it('ends at once when it is revoked, with its sessions and what they listen to; a second time changes nothing', async () => {
    const { name, token, headers } = await create();
    const cookie = cookieOf(await logIn(token));
    const streams = await Promise.all(
      [headers, { ...FROM_AFAR, ...cookie }].map((each) => openEventStream(`${app.url}/api/events`, each)),
    );
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);

    expect((await revoke(name)).body).toMatchObject({ name, state: 'revoked', revoked_by: 'this server' });
    await Promise.all(streams.map(({ ended }) => ended));

    const refused = await app.get('/api/status', headers);
    expect(refused).toEqual(problem(401, 'LOGIN_REQUIRED'));
    expect(refused.body.detail).toContain('the token was revoked');
    expect((await app.get('/api/status', { ...FROM_AFAR, ...cookie })).status).toBe(401);
    expect((await logIn(token)).body).toContain('The token was revoked.');
    expect((await revoke(name.toUpperCase())).status).toBe(200);
    expect(await revoke('Nobody at all')).toEqual(problem(404, 'NOT_FOUND'));
  });

  // In a database it is the database's clock that counts.
  it.skipIf(isRunOnPostgres())('opens until its time, and its name is free from then on', async () => {
    const { name, token, headers } = await create({
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const cookie = { ...FROM_AFAR, ...cookieOf(await logIn(token)) };
    expect((await app.get('/api/status', cookie)).status).toBe(200);

    vi.setSystemTime(Date.now() + 3_600_001);
    try {
      expect((await app.get('/api/status', headers)).body.detail).toContain('the token has expired');
      expect((await app.get('/api/status', cookie)).status).toBe(401);
      expect((await app.post('/api/access/tokens', { name })).status).toBe(201);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    ['no name', { name: ' ' }],
    ['the name of somebody else', { name: 'Admin' }],
    ['a name that turns others around', { name: 'Anna\u202e' }],
    ['a long name', { name: 'x'.repeat(61) }],
    ['a time in the past', { name: 'Past', expires_at: '2020-01-01T00:00:00Z' }],
    ['another role', { name: 'Role', role: 'root' }],
  ])('is refused with %s', async (_name, body) => {
    expect(await app.post('/api/access/tokens', body)).toEqual(problem(400, 'REQUEST_INVALID'));
  });

  it('is refused under a name that somebody has, in whatever capitals', async () => {
    const { name } = await create();

    expect(await app.post('/api/access/tokens', { name: name.toUpperCase() })).toEqual(
      problem(409, 'NAME_TAKEN'),
    );
  });

  it('is blanked in every log, whoever writes it there', async () => {
    const { token } = await create();

    expect(createScrub()(`GET /x?a=${token} {"a":"${token}"}`)).toBe('GET /x?a=[secret] {"a":"[secret]"}');
  });

  it('is guessed no oftener than the admin token, and a right one passes whatever was guessed', async () => {
    const { headers } = await create();
    const answers: number[] = [];
    for (let n = 0; n < 12; n += 1) {
      answers.push((await app.get('/api/status', bearer(`sluice_${'x'.repeat(42)}${n % 10}`))).status);
    }

    expect(answers).toEqual([...Array(10).fill(401), 429, 429]);
    expect((await app.get('/api/status', headers)).status).toBe(200);
  });
});

describe('whoever may only look', () => {
  it('sees what the pages show', async () => {
    const { headers } = await create({ role: 'viewer' });

    for (const path of ['/', '/api/me', '/api/status', '/api/recordings', '/api/line', '/api/alarms']) {
      expect([path, (await app.get(path, headers)).status]).toEqual([path, 200]);
    }
  });

  it('is refused on every route that does more than read, by token, by session and on this machine', async () => {
    const { token, headers } = await create({ role: 'viewer' });
    const cookie = cookieOf(await logIn(token));
    const line = { poke() {}, reconcile() {}, hurry() {} };
    const doors = await createDoors({
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
        watchUrl: undefined,
      },
      log: pino({ level: 'silent' }),
    });
    await doors.ready();
    const routes = routesOf(doors).filter(({ method }) => method !== 'GET' && method !== 'HEAD');
    await doors.close();
    expect(routes.length).toBeGreaterThan(14);
    const before = { ...(await dumpLedger(ledger.address)), access_tokens: [], audit: [] };

    const open: string[] = [];
    for (const { method, path } of routes) {
      const answers = [
        await app.send(method, path, headers),
        await app.send(method, path, { ...FROM_AFAR, ...OWN_PAGE, ...cookie }),
        await app.send(method, path, { authorization: `Bearer ${token}` }),
      ];
      const isRefused = answers.every(({ body }) => ['READ_ONLY', 'NOT_LOCAL'].includes(body.code));
      if (!isRefused) open.push(`${method} ${path}`);
    }

    // Signed by Zoom and Bunny; by the secrets of a job; and what ends one's own session.
    expect(open.sort()).toEqual([
      'PATCH /api/jobs/some/some/outputs/some',
      'POST /api/jobs/some/callback',
      'POST /api/workers/register',
      'POST /api/workers/take',
      'POST /bunny-webhook',
      'POST /login',
      'POST /logout',
      'POST /zoom-upload',
      'PUT /api/jobs/some/some/outputs/some',
    ]);
    expect({ ...(await dumpLedger(ledger.address)), access_tokens: [], audit: [] }).toEqual(before);
  });

  it.each(['/api/access/tokens', '/api/audit'])('is not told who else there is, at %s', async (path) => {
    const { name, headers } = await create({ role: 'viewer' });

    const refused = await app.get(path, headers);

    expect(refused).toEqual(problem(403, 'READ_ONLY'));
    expect(refused.body.detail).toBe(`${name} may look at everything and change nothing`);
  });
});

describe('the audit trail', () => {
  it('says who has done what, from where, and the history of the recording says it too', async () => {
    const { name, token, headers } = await create();
    const { id } = await ledger.recordings.accept(fileRecording(name));
    const cookie = cookieOf(await logIn(token));

    await app.send('POST', `/api/recordings/${id}/set-aside`, headers);
    await app.send('POST', `/api/recordings/${id}/retry`, { ...FROM_AFAR, ...OWN_PAGE, ...cookie });
    await app.send('POST', '/api/line/pause', headers);
    await app.post('/api/line/resume', {});
    await app.send('POST', '/logout', { ...FROM_AFAR, ...OWN_PAGE, ...cookie });
    await revoke(name);

    expect((await audit()).slice(0, 8)).toMatchObject([
      { act: 'revokeAccessToken', who: 'this server', subject: name },
      { act: 'logOut', who: name },
      { act: 'resumeLine', who: 'this server', way: 'this machine', caller: '127.0.0.1' },
      { act: 'pauseLine', who: name, role: 'operator', way: 'token', caller: '203.0.113.7' },
      { act: 'retryRecording', who: name, way: 'session', subject: id, outcome: 'done', status: 200 },
      { act: 'setRecordingAside', who: name, way: 'token', subject: id },
      { act: 'logIn', who: name, session: expect.stringMatching(/^.{8}$/) },
      { act: 'createAccessToken', who: 'this server', subject: name },
    ]);
    const { events } = (await app.get(`/api/recordings/${id}`)).body;
    expect(events).toMatchObject([
      { type: 'recording.accepted' },
      { type: 'recording.set-aside', data: { by: name } },
      { type: 'recording.retried', data: { by: name } },
    ]);
    expect(JSON.stringify(await audit())).not.toContain(token);
  });

  it('is told page by page, and of one person alone', async () => {
    const { name, headers } = await create();
    for (let n = 0; n < 3; n += 1) await app.send('POST', '/api/line/resume', headers);

    const who = `who=${encodeURIComponent(name.toLowerCase())}`;
    const first = (await app.get(`/api/audit?${who}&limit=2`)).body;
    const second = (await app.get(`/api/audit?${who}&limit=2&cursor=${first.next_cursor}`)).body;

    expect([first.entries.length, second.entries.length, second.next_cursor]).toEqual([2, 1, null]);
    expect(await app.get('/api/audit?cursor=x')).toEqual(problem(400, 'REQUEST_INVALID'));
  });

  it('counts what is refused, so that nobody fills it', async () => {
    const { name, headers } = await create({ role: 'viewer' });
    for (let n = 0; n < 5; n += 1) await app.send('POST', `/api/recordings/rec_${n}/cancel`, headers);
    for (let n = 0; n < 3; n += 1)
      await app.get('/api/status', { ...bearer('wrong'), 'x-forwarded-for': '192.0.2.77' });

    await vi.waitFor(async () => {
      const entries = await audit();
      expect(entries.filter(({ who }) => who === name)).toMatchObject([
        { act: 'cancelRecording', outcome: 'refused', times: 5, status: 403, subject: 'rec_4' },
      ]);
      expect(entries.filter(({ caller }) => caller === '192.0.2.77')).toMatchObject([
        { act: 'logIn', outcome: 'refused', times: 3, who: null },
      ]);
    });
  });

  it('keeps a thousand refusals and all acts, for as long as history is kept', async () => {
    const own = await openTestLedger();
    const act = { role: null, way: null, session: null, subject: null, status: null, who: null };
    await own.audit.add({ ...act, caller: 'here', act: 'pauseLine', outcome: 'done' });
    await Promise.all(
      Array.from({ length: 1010 }, (_, n) =>
        own.audit.add({ ...act, caller: `192.0.2.${n}`, act: 'logIn', outcome: 'refused' }),
      ),
    );

    const entries = await own.audit.list({ limit: 2000 });
    expect([entries.length, entries.at(-1)?.act, entries[0]?.caller]).toEqual([
      1001,
      'pauseLine',
      '192.0.2.1009',
    ]);
    await own.pruning.audit(Date.now() + 1);
    // The newest stays, for numbers rise from it.
    expect((await own.audit.list({ limit: 2000 })).length).toBe(1);
    await own.close();
  });
});
