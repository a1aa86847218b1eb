import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Problem } from '../../src/domain/problem.ts';
import { type Reply, startTestApp, type TestApp } from '../support/app.ts';
import { createDoors } from '../support/doors.ts';
import {
  fileRecording,
  madeBy,
  openTestLedger,
  stepOf,
  type TestLedger,
  zoomRecording,
} from '../support/ledger.ts';
import { routesOf } from '../support/routes.ts';

let ledger: TestLedger;
let app: TestApp;

beforeEach(async () => {
  ledger = await openTestLedger();
  app = await startTestApp(ledger);
});
afterEach(async () => {
  await app.close();
  await ledger.close();
});

const VIDEO = { libraryId: '77', videoId: 'video-1' };
const ARCHIVED = { bucket: 'archive', fileId: '4_z', fileName: 'custom/a.mp4', sha1: null };

async function accept(key: string, more: Parameters<typeof fileRecording>[1] = {}): Promise<string> {
  return (await ledger.recordings.accept(fileRecording(key, more))).id;
}

/** Does with a recording what a worker does that holds the gate. */
async function asWorker<T>(id: string, work: (fence: number) => Promise<T>): Promise<T> {
  const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
  const result = await work(lease?.fence ?? 0);
  await lease?.release();
  return result;
}

async function list(query = ''): Promise<Reply['body']> {
  const { status, body } = await app.get(`/api/recordings${query}`);
  expect(status).toBe(200);
  return body;
}

const idsIn = (body: Reply['body']): string[] => body.recordings.map(({ id }: { id: string }) => id);

describe('GET /api/recordings', () => {
  it('lists the newest first, page by page, with nothing twice and nothing left out', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 7; n += 1) ids.unshift(await accept(`k${n}`));

    const seen: string[] = [];
    let cursor: string | null = '';
    const sizes: number[] = [];
    while (cursor !== null) {
      const page = await list(`?limit=3${cursor && `&cursor=${cursor}`}`);
      sizes.push(page.recordings.length);
      seen.push(...idsIn(page));
      cursor = page.next_cursor;
      // What comes in meanwhile belongs to the first page.
      await accept(`meanwhile${sizes.length}`);
    }
    expect([seen, sizes]).toEqual([ids, [3, 3, 1]]);
  });

  it('says at the last full page that it is the last', async () => {
    for (let n = 0; n < 4; n += 1) await accept(`k${n}`);
    expect((await list('?limit=4')).next_cursor).toBeNull();
  });

  it('B2 finds by a piece of the title, the ace_id, the meeting id or the id, in any case', async () => {
    const byTitle = await accept('a', { title: 'Übung 100% Geometrie_1' });
    const byAce = await accept('b', { aceId: 'ACE-77', title: 'Something' });
    const meeting = zoomRecording('c', 1, 'x');
    const { id: byMeeting } = await ledger.recordings.accept({
      ...meeting,
      details: { meeting_id: 85512345678, meeting_uuid: 'aB/c==' },
    });

    const found = async (q: string) => idsIn(await list(`?q=${encodeURIComponent(q)}`));
    expect(await found('übung')).toEqual([byTitle]);
    expect(await found('GEOMETRIE_')).toEqual([byTitle]);
    expect(await found('100%')).toEqual([byTitle]);
    expect(await found('ace-7')).toEqual([byAce]);
    expect(await found('55123456')).toEqual([byMeeting]);
    expect(await found('AB/C')).toEqual([byMeeting]);
    expect(await found(byAce.slice(4, 20))).toEqual([byAce]);
    expect(await found('%')).toEqual([byTitle]);
    expect(await found('nothing\\')).toEqual([]);
  });

  it('filters by state, source and time', async () => {
    const waiting = await accept('a');
    const aside = await accept('b');
    await ledger.operator.setAside(aside);
    const cancelled = await accept('c');
    await ledger.operator.cancel(cancelled);
    const { id: zoom } = await ledger.recordings.accept(zoomRecording('z', 1, 'x'));

    expect(idsIn(await list('?state=set-aside,cancelled'))).toEqual([cancelled, aside]);
    expect(idsIn(await list('?source=zoom'))).toEqual([zoom]);
    const at = (await ledger.recordings.get(zoom))?.acceptedAtMs ?? 0;
    const iso = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
    expect(idsIn(await list(`?from=${iso(at + 1)}`))).toEqual([]);
    expect(idsIn(await list(`?from=${iso(0)}&to=${iso(at)}`))).toContain(waiting);
    expect(idsIn(await list(`?to=${iso(1000)}`))).toEqual([]);
  });

  it('says the place in line of what may move now, and what can be done with it', async () => {
    const a = await accept('a');
    const later = await accept('later', { notBeforeMs: Date.now() + 60_000 });
    const b = await accept('b');
    const c = await accept('c');
    await ledger.operator.moveToFront(c);

    const { recordings } = await list();
    const positions = Object.fromEntries(
      recordings.map(({ id, position }: { id: string; position: number }) => [id, position]),
    );
    expect(positions).toEqual({ [c]: 1, [a]: 2, [b]: 3, [later]: null });
    expect(recordings[0].actions).toEqual(['cancel', 'set-aside', 'move-to-front', 'schedule', 'rename']);
  });

  it.each([
    ['?limit=0', 'limit'],
    ['?limit=201', 'limit'],
    ['?state=lost', 'state'],
    ['?source=tape', 'source'],
    ['?from=yesterday', 'from'],
    ['?cursor=abc', 'cursor'],
  ])('refuses %s with the field that is wrong', async (query, field) => {
    const { status, type, body } = await app.get(`/api/recordings${query}`);
    expect([status, type.split(';')[0], (body as Problem).code]).toEqual([
      400,
      'application/problem+json',
      'REQUEST_INVALID',
    ]);
    expect((body as Problem).detail).toContain(field);
  });
});

describe('GET /api/recordings/{id}', () => {
  it('B25 tells of one its attempts with their stages and errors, and where its video is', async () => {
    const id = await accept('a');
    const error = { code: 'REMOTE_UNAVAILABLE', message: 'no answer' } as const;
    await asWorker(id, async (fence) => {
      await ledger.moves.startAttempt(id, fence);
      await ledger.moves.startStage(id, 'publish', fence, stepOf('publish'));
      await ledger.moves.backOff(id, error, Date.now() + 1, fence);
      await ledger.moves.startAttempt(id, fence);
      // Its worker dies.
      await ledger.moves.startAttempt(id, fence);
      for (const [stage, fact] of [
        ['archive', ARCHIVED],
        ['publish', VIDEO],
      ] as const) {
        await ledger.moves.startStage(id, stage, fence, stepOf(stage));
        await ledger.moves.finishStage(id, stage, fact, fence, madeBy(stage, { fact }));
      }
    });
    await ledger.watches.add({ videoId: VIDEO.videoId, recordingId: id, notBeforeMs: 0 });

    const { body } = await app.get(`/api/recordings/${id}`);
    expect(body).toMatchObject({
      state: 'moving',
      bytes: 5,
      failed_attempts: 1,
      last_error: {
        code: 'REMOTE_UNAVAILABLE',
        message: 'no answer',
        title: expect.any(String),
        advice: expect.any(String),
      },
      playable: false,
      video: {
        library_id: '77',
        video_id: 'video-1',
        player_url: 'https://player.mediadelivery.net/play/77/video-1',
      },
      archive: { bucket: 'archive', file_name: 'custom/a.mp4', file_id: '4_z' },
      facts: { archive: { file_id: '4_z' }, publish: { video_id: 'video-1' } },
      stages: { archive: { started_at: expect.any(String), done_at: expect.any(String) } },
      attempts: [
        {
          number: 1,
          outcome: 'failed',
          error: { code: 'REMOTE_UNAVAILABLE' },
          stages: [{ stage: 'publish', done_at: null }],
        },
        { number: 2, outcome: 'interrupted', ended_at: null },
        {
          number: 3,
          outcome: 'running',
          ended_at: null,
          stages: [{ stage: 'archive' }, { stage: 'publish' }],
        },
      ],
      deliveries: [],
    });
    expect(body.events[0]).toMatchObject({ type: 'recording.accepted', data: { source: 'custom' } });

    const announcement = { recordingId: id, type: 'recording.playable', body: '{}' };
    await ledger.watches.end(VIDEO.videoId, 'video.playable', announcement);
    const after = (await app.get(`/api/recordings/${id}`)).body;
    expect(after.playable).toBe(true);
    expect(after.deliveries).toMatchObject([
      { type: 'recording.playable', state: 'pending', attempts: 0, ended_at: null },
    ]);
  });

  it('never shows where a download comes from', async () => {
    const { id } = await ledger.recordings.accept(zoomRecording('z', 1, 'secret'));
    expect(JSON.stringify((await app.get(`/api/recordings/${id}`)).body)).not.toMatch(/token-|zoom\.us/);
  });

  it('refuses what there is not', async () => {
    expect(await app.get('/api/recordings/rec_none')).toMatchObject({
      status: 404,
      body: {
        code: 'NOT_FOUND',
        title: 'No recording has this id.',
        detail: 'No recording has the id rec_none',
        advice: expect.stringMatching(/"sluice list"/),
      },
    });
  });
});

describe('GET /api/status', () => {
  it('C38 tells on one page how all stands', async () => {
    const done = await accept('done', {
      origin: { kind: 'file', path: '/f', bytes: 9, modifiedAtMs: 1, keep: true },
    });
    await asWorker(done, async (fence) => {
      await ledger.moves.startAttempt(done, fence);
      await ledger.moves.finish(done, fence);
    });
    const oldest = await accept('a');
    await accept('b');
    const moving = await accept('c');
    await asWorker(moving, (fence) => ledger.moves.startAttempt(moving, fence));
    const error = { code: 'REMOTE_UNAVAILABLE', message: 'no' } as const;
    await ledger.circuits.failed('zoom', error);
    for (let n = 0; n < 3; n += 1) await ledger.circuits.failed('b2', error);
    const { id: delivery } = await ledger.deliveries.add({ recordingId: done, type: 'x', body: '{}' });
    await ledger.deliveries.backOff(delivery, error, 0);
    await app.post('/api/line/pause', {});

    const { body } = await app.get('/api/status');
    expect(body).toMatchObject({
      version: '1.2.3',
      paused: true,
      site_gone: null,
      counts: { waiting: 2, moving: 1, done: 1 },
      oldest_waiting_at: new Date((await ledger.recordings.get(oldest))?.acceptedAtMs ?? 0).toISOString(),
      moving: { id: moving, state: 'moving' },
      redis: 'ok',
      disk: { free_bytes: expect.any(Number), total_bytes: expect.any(Number), reserve_bytes: 1 },
      services: [
        { service: 'zoom', state: 'failing', open_until: null, last_error: { code: 'REMOTE_UNAVAILABLE' } },
        { service: 'b2', state: 'open', open_until: expect.any(String) },
        { service: 'bunny', state: 'ok', open_until: null, last_error: null },
        { service: 'site', state: 'failing', last_error: { message: 'no' } },
      ],
    });
    expect(body.day).toHaveLength(24);
    expect(body.day.at(-1)).toMatchObject({ recordings: 1, bytes: 9 });
  });
});

/** What can no longer be stopped once it has begun. */
const ANNOUNCING = { ...stepOf('notify'), isFinal: true };

describe('what an operator wants of a recording that moves', () => {
  it('is refused once the announcement has begun, and stops the announcement before that', async () => {
    const [told, untold] = [await accept('told'), await accept('untold')];
    await asWorker(told, async (fence) => {
      await ledger.moves.startAttempt(told, fence);
      await ledger.moves.startStage(told, 'notify', fence, ANNOUNCING);
    });
    await expect(ledger.operator.cancel(told)).rejects.toMatchObject({ code: 'WRONG_STATE' });

    await asWorker(untold, async (fence) => {
      await ledger.moves.startAttempt(untold, fence);
      expect(await ledger.operator.cancel(untold)).toBe(true);
      await expect(ledger.moves.startStage(untold, 'notify', fence, ANNOUNCING)).rejects.toMatchObject({
        code: 'STOP_ASKED',
      });
      // However the attempt ends now, it ends in what was asked for, and the website hears nothing.
      const announcement = { recordingId: untold, type: 'recording.failed', body: '{}' };
      await ledger.moves.fail(untold, { code: 'SOURCE_GONE', message: 'no' }, announcement, fence);
    });
    expect(await ledger.recordings.get(untold)).toMatchObject({ state: 'cancelling', wanted: null });
    expect(await ledger.deliveries.ofRecording(untold)).toEqual([]);
  });

  it('is heeded by the next worker if the one that moved it died', async () => {
    const id = await accept('a');
    await asWorker(id, (fence) => ledger.moves.startAttempt(id, fence));
    await ledger.operator.setAside(id);

    expect(await asWorker(id, (fence) => ledger.moves.startAttempt(id, fence))).toBe(false);
    expect(await ledger.recordings.get(id)).toMatchObject({ state: 'set-aside', wanted: null });
  });
});

/** Pages and their files, and this description. */
const PAGES_ONLY = [
  'GET /',
  'GET /*',
  'GET /access',
  'GET /announcements',
  'GET /chunker/some',
  'GET /docs',
  'GET /docs/openapi.json',
  'GET /graphiql',
  'GET /graphiql*',
  'GET /library',
  'GET /presets',
  'GET /recordings',
  'GET /recordings/some',
  'GET /timeline/some',
  'GET /upload',
  'GET /upload*',
  'GET /watch/some',
  'GET /watch/some*',
  'GET /zoom',
];

describe('the description of the API', () => {
  it('names each route with a summary and the shape of its refusals', async () => {
    const { body } = await app.get('/docs/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    for (const [path, operations] of Object.entries<Record<string, Reply['body']>>(body.paths)) {
      for (const operation of Object.values(operations)) {
        expect([path, operation.summary]).toEqual([path, expect.stringMatching(/\w/)]);
        for (const [status, answer] of Object.entries<Reply['body']>(operation.responses)) {
          // A page of its own says so, or the same answer as ever.
          if (Number(status) < 400 || ['/readyz', '/login'].includes(path)) continue;
          expect(answer.content['application/problem+json'].schema.$ref).toBe('#/components/schemas/Problem');
        }
      }
    }
  });

  it('names each operation, once, and says who may ask for it', async () => {
    const { body } = await app.get('/docs/openapi.json');
    const operations = Object.values<Reply['body']>(body.paths).flatMap((each) =>
      Object.values<Reply['body']>(each),
    );
    const ids = operations.map(({ operationId }) => operationId);
    const known = Object.keys(body.components.securitySchemes);

    expect(ids.filter((id) => !/^[a-z][A-Za-z]+$/.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { security, operationId, tags } of operations) {
      expect([operationId, body.tags.map(({ name }: { name: string }) => name)]).toEqual([
        operationId,
        expect.arrayContaining(tags),
      ]);
      for (const name of security.flatMap(Object.keys)) expect(known).toContain(name);
    }
    const used = JSON.stringify(operations);
    for (const name of known) expect(used).toContain(`"${name}":[]`);
  });

  it('has every route that is no page', async () => {
    const { body } = await app.get('/docs/openapi.json');
    const described = Object.entries<object>(body.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, 'some')}`),
    );
    const doors = await createDoors({
      ledger,
      line: { poke() {}, reconcile() {}, hurry() {} },
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
        watchUrl: undefined,
        isMediaOnly: true,
      },
      log: pino({ level: 'silent' }),
    });
    await doors.ready();
    const routes = routesOf(doors).filter(({ method }) => method !== 'HEAD');
    await doors.close();

    const missing = routes
      .map(({ method, path }) => `${method} ${path}`)
      .filter((each) => !described.includes(each));
    expect(missing.sort()).toEqual(PAGES_ONLY);
  });

  it('has no shape that nothing refers to', async () => {
    const { body } = await app.get('/docs/openapi.json');
    const { schemas } = body.components;
    const found = new Set<string>();
    const follow = (value: unknown): void => {
      for (const [, name = ''] of JSON.stringify(value).matchAll(/#\/components\/schemas\/([^"]+)"/g)) {
        if (found.has(name)) continue;
        found.add(name);
        follow(schemas[name]);
      }
    };
    follow(body.paths);

    expect(Object.keys(schemas).sort()).toEqual([...found].sort());
  });

  it('tells of each kind of event', async () => {
    const { body } = await app.get('/docs/openapi.json');

    for (const type of ['recording.done', 'attempt.failed', 'trash.given-up']) {
      expect(body.paths['/api/events'].get.description).toContain(`\`${type}\`: `);
    }
  });

  it('is a page for people that asks nothing of other servers', async () => {
    const { status, type, body } = await app.get('/docs');
    expect([status, type]).toEqual([200, 'text/html; charset=utf-8']);
    expect(body).toContain('/api/recordings/{id}/retry');
    expect(body).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it.each(['/api/recordings', '/api/status', '/api/events', '/docs', '/docs/openapi.json'])(
    'and all of it is for this machine only: %s',
    async (path) => {
      expect(await app.get(path, { 'x-forwarded-for': '10.0.0.1' })).toMatchObject({
        status: 403,
        body: { code: 'NOT_LOCAL' },
      });
    },
  );
});
