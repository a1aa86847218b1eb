import { appendFile, copyFile, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aceKey, recordingId } from '../../src/domain/ids.ts';
import { problem, startTestApp, type TestApp, zoomHeaders } from '../support/app.ts';
import { SAMPLE } from '../support/house.ts';
import { openTestLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let app: TestApp;
let folder: string;

beforeEach(async () => {
  ledger = await openTestLedger();
  app = await startTestApp(ledger);
  folder = join(ledger.folder, 'files');
  await mkdir(folder);
});

afterEach(async () => {
  await app.close();
  await ledger.close();
});

async function video(name: string): Promise<string> {
  const path = join(folder, name);
  await copyFile(SAMPLE, path);
  return path;
}

const get = (id: string) => ledger.recordings.get(id);
const unfinished = async () => (await ledger.recordings.unfinished()).map(({ id }) => id);

/** Gives a recording up, as a worker would. */
async function giveUp(id: string): Promise<void> {
  const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
  const fence = lease?.fence ?? 0;
  await ledger.moves.startAttempt(id, fence);
  const error = { code: 'SOURCE_GONE', message: 'no' } as const;
  await ledger.moves.fail(id, error, { recordingId: id, type: 'recording.failed', body: '{}' }, fence);
  await lease?.release();
}

describe('/custom-upload', () => {
  it('R12 takes a file wherever it lies, and leaves it there', async () => {
    const path = await video('Übung 1 (final).mp4');

    const reply = await app.post('/custom-upload', { path, title: ' Übung\n1 ', keep_file: true });

    expect(reply).toMatchObject({ status: 202, body: { state: 'waiting', duplicate: false } });
    expect(await get(reply.body.id)).toMatchObject({
      source: 'custom',
      aceId: null,
      title: 'Übung 1',
      notBeforeMs: 0,
      origin: { kind: 'file', path, bytes: expect.any(Number), modifiedAtMs: expect.any(Number), keep: true },
      details: { filename: 'Übung 1 (final).mp4' },
    });
    expect(app.line).toEqual({ pokes: 1, reconciles: 0 });
  });

  it('R14 takes ten files that a script names, in their order', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 10; n += 1) {
      const path = await video(`${n}.mp4`);
      const reply = await app.post('/custom-upload', { path, title: `Video ${n}` });
      expect(reply.status).toBe(202);
      ids.push(reply.body.id);
    }

    expect(await unfinished()).toEqual(ids);
    expect(new Set(ids).size).toBe(10);
  });

  it('takes ten files at the same moment', async () => {
    const paths = await Promise.all(Array.from({ length: 10 }, (_, n) => video(`${n}.mp4`)));

    const replies = await Promise.all(
      paths.map((path) => app.post('/custom-upload', { path, title: 'Video' })),
    );

    expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(202));
    expect(await unfinished()).toHaveLength(10);
  });

  it('R18 keeps the time before which a recording does not move', async () => {
    const not_before = '2031-01-05T10:00:00+02:00';

    const reply = await app.post('/custom-upload', { path: SAMPLE, title: 'Later', not_before });

    const notBeforeMs = Date.parse('2031-01-05T08:00:00Z');
    expect(await get(reply.body.id)).toMatchObject({ state: 'waiting', notBeforeMs });
    expect(await ledger.recordings.unfinished()).toEqual([{ id: reply.body.id, seq: 1, notBeforeMs }]);
    expect((await app.get(`/api/recordings/${reply.body.id}`)).body.not_before).toBe(
      '2031-01-05T08:00:00.000Z',
    );
  });

  it('follows links to the file that is meant', async () => {
    const path = await video('real.mp4');
    await symlink(path, join(folder, 'link.mp4'));

    const one = await app.post('/custom-upload', { path, title: 'Video' });
    const other = await app.post('/custom-upload', { path: join(folder, 'link.mp4'), title: 'Video' });

    expect(other.body).toEqual({ id: one.body.id, state: 'waiting', duplicate: true });
    expect(await get(one.body.id)).toMatchObject({ origin: { path } });
  });

  it('takes a file again once it has changed', async () => {
    const path = await video('a.mp4');
    const one = await app.post('/custom-upload', { path, title: 'Video' });
    await utimes(path, 1, 1);
    const other = await app.post('/custom-upload', { path, title: 'Video' });

    expect(other.body).toMatchObject({ duplicate: false });
    expect(other.body.id).not.toBe(one.body.id);
  });

  it('keeps what its caller wants the website to hear, under metadata or as a field that it does not know', async () => {
    const metadata = { lesson: 7, tags: ['a', 'ü'], nested: { by: null } };
    const { body } = await app.post('/custom-upload', {
      path: SAMPLE,
      title: 'Video',
      metadata,
      colour: 'blue',
    });

    expect(await get(body.id)).toMatchObject({ metadata: { ...metadata, colour: 'blue' } });
    const shown = await app.get(`/api/recordings/${body.id}`);
    expect(shown.body.metadata).toEqual({ ...metadata, colour: 'blue' });
  });

  it.each([
    ['more than 16 KiB', { text: 'x'.repeat(16_384) }],
    ['depths without end', JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`)],
    ['a list', [1]],
  ])('refuses metadata of %s', async (_name, metadata) => {
    const reply = await app.post('/custom-upload', { path: SAMPLE, title: 'Video', metadata });

    expect(reply).toEqual(problem(400, 'REQUEST_INVALID'));
    expect(reply.body.detail).toMatch(/^metadata/);
  });

  it.each([
    ['what its metadata says', { metadata: { title: 'Lesson 1' } }, 'Lesson 1'],
    ['the name of its file', { title_from: 'filename' }, 'Dr. Who 2026-11-24'],
    ['that too where its metadata says nothing', { metadata: { lesson: 7 } }, 'Dr. Who 2026-11-24'],
  ])('is named by %s where it is not named', async (_name, more, title) => {
    const path = await video('Dr. Who 2026-11-24.mp4');

    const { body } = await app.post('/custom-upload', { path, ...more });

    expect(body).toMatchObject({ title });
    expect((await get(body.id))?.title).toBe(title);
  });

  it('says what is different about the same path under the same ace_id, and changes nothing', async () => {
    const path = await video('a.mp4');
    const { body } = await app.post('/custom-upload', { path, title: 'Video', ace_id: 'ace-42' });
    await appendFile(path, 'more');

    const again = await app.post('/custom-upload', { path, title: 'Video', ace_id: 'ace-42' });

    expect(again).toEqual(problem(409, 'ACE_ID_TAKEN'));
    expect(again.body.detail).toMatch(/as it was: \d+ bytes of .*now it has \d+ bytes/);
    expect(again.body.detail).toContain(body.id);
  });

  it('says what of a repetition is not followed', async () => {
    const first = { path: SAMPLE, title: 'Video', ace_id: 'ace-42', keep_file: true };
    await app.post('/custom-upload', first);

    const same = await app.post('/custom-upload', first);
    const other = await app.post('/custom-upload', {
      ...first,
      title: 'Film',
      keep_file: false,
      metadata: { a: 1 },
    });

    expect(same.body).not.toHaveProperty('note');
    expect(other).toMatchObject({ status: 202, body: { duplicate: true } });
    expect(other.body.note).toMatch(/title \(it stays "Video"\), metadata, keep_file \(it stays true\)/);
  });

  it.each([
    ['application/json; charset=UTF-8', ''],
    ['Application/JSON', '\ufeff'],
    ['text/json', ''],
    ['application/vnd.api+json', '\ufeff'],
  ])('reads JSON that is called %s', async (type, mark) => {
    const body = `${mark}${JSON.stringify({ path: SAMPLE, title: 'Video' })}`;

    expect((await app.send('POST', '/custom-upload', { 'content-type': type }, body)).status).toBe(202);
  });

  describe('of a file whose name is not UTF-8', () => {
    const bytes = () =>
      Buffer.concat([Buffer.from(`${folder}/Stra`), Buffer.from([0xdf]), Buffer.from('e.mp4')]);
    const escaped = () => `${folder}/Stra\udcdfe.mp4`;
    beforeEach(() => copyFile(SAMPLE, bytes()));

    it.each([
      ['its bytes in base64', () => ({ path_base64: bytes().toString('base64') })],
      ['its bytes as Python escapes them', () => ({ path: escaped() })],
      ['a path that has lost the byte', () => ({ path: bytes().toString() })],
    ])('takes it by %s', async (_name, naming) => {
      const { status, body } = await app.post('/custom-upload', { ...naming(), title_from: 'filename' });

      expect([status, body.title]).toEqual([202, 'Straße']);
      expect(await get(body.id)).toMatchObject({
        origin: { path: escaped() },
        details: { filename: 'Straße.mp4' },
      });
    });

    it('does not guess where two names have lost the same, and says what to do', async () => {
      await copyFile(
        SAMPLE,
        Buffer.concat([Buffer.from(`${folder}/Stra`), Buffer.from([0xe4]), Buffer.from('e.mp4')]),
      );

      const reply = await app.post('/custom-upload', { path: bytes().toString(), title: 'Video' });

      expect(reply).toEqual(problem(404, 'FILE_NOT_FOUND'));
      expect(reply.body.detail).toMatch(/2 names.*path_base64.*convmv/);
    });
  });

  it('takes a file by its name in the other composition of its accents', async () => {
    const path = await video('U\u0308bung.mp4');

    const { body } = await app.post('/custom-upload', {
      path: path.normalize('NFC'),
      title_from: 'filename',
    });

    expect(await get(body.id)).toMatchObject({ title: 'Übung', origin: { path } });
  });

  it('is found by what people type, in whatever composition and case', async () => {
    const { body } = await app.post('/custom-upload', { path: SAMPLE, title: 'U\u0308BUNG Fünf, Straße' });

    for (const typed of ['übung fünf', 'ubung', 'STRASSE', 'U\u0308bung']) {
      const found = await app.get(`/api/recordings?q=${encodeURIComponent(typed)}`);
      expect(found.body.recordings.map(({ id }: { id: string }) => id)).toEqual([body.id]);
    }
  });

  it('links a recording to the website by its ace_id, and takes it once', async () => {
    const path = await video('a.mp4');
    const body = { path, title: 'Video', ace_id: 'ace-42' };

    const replies = await Promise.all(Array.from({ length: 6 }, () => app.post('/custom-upload', body)));

    const id = recordingId(aceKey('ace-42'));
    expect(replies.map(({ status, body: answer }) => [status, answer.id])).toEqual(Array(6).fill([202, id]));
    expect(replies.filter(({ body: answer }) => answer.duplicate === false)).toHaveLength(1);
    expect(await get(id)).toMatchObject({ aceId: 'ace-42' });
  });

  it('takes one of two files that come under one ace_id at the same moment', async () => {
    const paths = [await video('a.mp4'), await video('b.mp4')];

    const replies = await Promise.all(
      paths.map((path) => app.post('/custom-upload', { path, title: 'Video', ace_id: 'ace-42' })),
    );

    expect(replies.map(({ status }) => status).sort()).toEqual([202, 409]);
    const taken = paths[replies.findIndex(({ status }) => status === 202)];
    expect(await get(recordingId(aceKey('ace-42')))).toMatchObject({ origin: { path: taken } });
  });

  it('notices another file under its ace_id also when that came between its look and its acceptance', async () => {
    const [path, other] = [await video('a.mp4'), await video('b.mp4')];
    const { body } = await app.post('/custom-upload', { path, title: 'Video', ace_id: 'ace-42' });
    let looks = 0;
    const recordings: TestLedger['recordings'] = {
      ...ledger.recordings,
      get: async (id) => {
        looks += 1;
        return looks === 1 ? undefined : await get(id);
      },
    };
    const late = await startTestApp({ ...ledger, recordings });
    try {
      const reply = await late.post('/custom-upload', { path: other, title: 'Video', ace_id: 'ace-42' });

      expect(reply).toEqual(problem(409, 'ACE_ID_TAKEN'));
      expect(await get(body.id)).toMatchObject({ origin: { path } });
    } finally {
      await late.close();
    }
  });

  it('gives a failed recording a new beginning, with the same file or with another', async () => {
    const [path, other] = [await video('a.mp4'), await video('b.mp4')];
    const { body } = await app.post('/custom-upload', { path, title: 'Video', ace_id: 'ace-42' });
    await giveUp(body.id);

    const again = await app.post('/custom-upload', { path, title: 'Video', ace_id: 'ace-42' });
    expect(again).toMatchObject({ status: 202, body: { state: 'waiting', duplicate: true } });

    await giveUp(body.id);
    const mended = await app.post('/custom-upload', { path: other, title: 'Mended', ace_id: 'ace-42' });
    expect(mended).toMatchObject({ status: 202, body: { id: body.id, state: 'waiting', duplicate: true } });
    expect(await get(body.id)).toMatchObject({ title: 'Mended', failedAttempts: 0, origin: { path: other } });
  });
});

describe('/manual-upload', () => {
  const upload = (path: string, more: object = {}) => ({
    path,
    ace_id: 'ace-42',
    upload_id: 'upload-1',
    size: 5,
    filename: 'Algebra, group 2.mp4',
    filetype: 'video/mp4',
    ...more,
  });

  async function put(name: string, content = 'hello'): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  }

  it('takes a finished upload also by a link that leads to the folder of those', async () => {
    const path = await put('upload-by-link');
    await symlink(folder, join(ledger.folder, 'linked'));
    const narrow = await startTestApp(ledger, '127.0.0.1', { incoming: folder });
    const reply = await narrow.post('/manual-upload', upload(join(ledger.folder, 'linked/upload-by-link')));
    await narrow.close();

    expect(reply.status).toBe(202);
    expect(await get(reply.body.id)).toMatchObject({ origin: { path } });
  });

  it('R8 R10 takes a finished upload with the ace_id of the website', async () => {
    const path = await put('upload-1');

    const reply = await app.post('/manual-upload', upload(path));

    expect(reply).toMatchObject({ status: 202, body: { state: 'waiting', duplicate: false } });
    expect(await get(recordingId(aceKey('ace-42')))).toMatchObject({
      id: reply.body.id,
      source: 'manual',
      aceId: 'ace-42',
      title: 'Algebra, group 2',
      origin: { kind: 'file', path, bytes: 5, keep: false },
      details: { upload_id: 'upload-1', filename: 'Algebra, group 2.mp4', filetype: 'video/mp4' },
    });
  });

  it.each([
    ['its title', { title: ' Lesson\t1 ' }, 'Lesson 1'],
    ['its file name where it has no title', { title: ' ' }, 'Algebra, group 2'],
    ['its ace_id where it has neither', { filename: undefined }, 'Upload ace-42'],
  ])('names an upload by %s', async (_name, more, title) => {
    const { body } = await app.post('/manual-upload', upload(await put('upload-1'), more));

    expect((await get(body.id))?.title).toBe(title);
  });

  it('takes an upload once, however often it is handed over', async () => {
    const path = await put('upload-1');

    const replies = await Promise.all(
      Array.from({ length: 6 }, () => app.post('/manual-upload', upload(path))),
    );

    expect(replies.map(({ status }) => status)).toEqual(Array(6).fill(202));
    expect(replies.filter(({ body }) => body.duplicate === false)).toHaveLength(1);
    expect(await unfinished()).toHaveLength(1);
  });

  it('keeps to the first of two uploads of one recording', async () => {
    const [first, second] = [await put('upload-1'), await put('upload-2', 'world')];
    const { body } = await app.post('/manual-upload', upload(first));

    const again = await app.post('/manual-upload', upload(second, { upload_id: 'upload-2' }));

    expect(again).toMatchObject({ status: 202, body: { id: body.id, duplicate: true } });
    expect(await get(body.id)).toMatchObject({ origin: { path: first }, details: { upload_id: 'upload-1' } });
  });

  it('takes content that is no video: its fate belongs into the ledger', async () => {
    expect((await app.post('/manual-upload', upload(await put('upload-1', '<html')))).status).toBe(202);
  });
});

describe('all doors', () => {
  it('R17 R20 lead into one line, in the order of acceptance', async () => {
    const event = {
      event: 'recording.completed',
      event_ts: 1,
      payload: {
        object: {
          id: 1,
          uuid: 'u',
          recording_files: [{ id: 'f', file_type: 'MP4', download_url: 'https://us02web.zoom.us/rec/x' }],
        },
      },
    };
    await writeFile(join(folder, 'upload'), 'hello');

    const manual = { path: join(folder, 'upload'), ace_id: 'a', upload_id: 'u', size: 5 };
    const ids = [
      (await app.post('/manual-upload', manual)).body.id,
      (await app.zoom(event)).body.accepted[0].id,
      (await app.post('/custom-upload', { path: SAMPLE, title: 'Video' })).body.id,
    ];

    expect(await unfinished()).toEqual(ids);
    for (const id of ids) {
      expect(Object.keys((await get(id)) ?? {})).toEqual(Object.keys((await get(ids[0] ?? '')) ?? {}));
      expect(await get(id)).toMatchObject({ state: 'waiting', failedAttempts: 0 });
    }
    const shown = (await app.get('/api/recordings?limit=2')).body.recordings;
    expect(shown.map(({ id }: { id: string }) => id)).toEqual([ids[2], ids[1]]);
  });

  it('answer 500 and no secret when the ledger is gone, so that Zoom comes again', async () => {
    const body = JSON.stringify({
      event: 'recording.completed',
      event_ts: 1,
      payload: {
        object: {
          id: 1,
          uuid: 'u',
          recording_files: [{ id: 'f', file_type: 'MP4', download_url: 'https://us02web.zoom.us/rec/x' }],
        },
      },
    });
    const other = await openTestLedger();
    const brokenApp = await startTestApp(other);
    await other.close();
    try {
      expect(await brokenApp.send('POST', '/zoom-upload', zoomHeaders(body), body)).toEqual(
        problem(500, 'UNEXPECTED'),
      );
      expect(await brokenApp.get('/readyz')).toMatchObject({ status: 503, body: { ledger: 'unavailable' } });
      expect(await brokenApp.get('/healthz')).toMatchObject({ status: 200 });
    } finally {
      await brokenApp.close();
    }
  });

  it('are ready where all that has to move does', async () => {
    expect(await app.get('/readyz')).toMatchObject({
      status: 200,
      body: { status: 'ok', ledger: 'ok', redis: 'ok' },
    });
  });
});
