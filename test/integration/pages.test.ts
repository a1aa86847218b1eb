import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordingId } from '../../src/domain/ids.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { madeBy, openTestLedger, stepOf, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let app: TestApp;

beforeEach(async () => {
  ledger = await openTestLedger();
  app = await startTestApp(ledger);
});

afterEach(async () => {
  await app?.close();
  await ledger?.close();
});

const ask = (path: string, headers: Record<string, string> = {}) => fetch(app.url + path, { headers });

describe('the pages', () => {
  it.each(['/', '/recordings', '/recordings/rec_any?x=1', '/upload'])(
    'answers %s with a page that asks nobody else',
    async (path) => {
      const page = await ask(path);
      const text = await page.text();

      expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(Object.fromEntries(page.headers)).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy': expect.stringMatching(
          /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'$/,
        ),
      });
      expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
      const script = await ask(/src="([^"]+\.js)"/.exec(text)?.[1] ?? 'none');
      expect([script.status, script.headers.get('cache-control')]).toEqual([
        200,
        'private, max-age=31536000, immutable',
      ]);
    },
  );

  it('does not send again what the browser has', async () => {
    const { headers } = await ask('/');

    expect((await ask('/', { 'if-none-match': headers.get('etag') ?? '' })).status).toBe(304);
  });

  it.each(['/assets/none.js', '/assets/..%2F..%2Fpackage.json', '/upload/assets/%00'])(
    'has nothing at %s',
    async (path) => {
      expect(await app.get(path)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    },
  );

  it('shows the dashboard to nobody from elsewhere, and the upload page to anyone', async () => {
    const forwarded = { 'x-forwarded-for': '203.0.113.7', host: 'uploads.academy.example' };

    expect((await app.get('/', forwarded)).status).toBe(403);
    expect((await app.get('/upload', forwarded)).status).toBe(200);
  });

  it('tells the upload page where the tus server is: beside it on this machine, else where the proxy has it', async () => {
    const here = await app.get('/upload/config.json', { host: 'localhost:9009' });
    const proxied = await app.get('/upload/config.json', { host: 'uploads.academy.example' });

    expect(here.body).toEqual({
      tus_url: 'http://localhost:1080/tusupload',
      max_bytes: 1000,
      media_only: true,
    });
    expect(proxied.body).toEqual({ tus_url: '/tusupload', max_bytes: 1000, media_only: true });
    const page = await ask('/upload');
    expect(page.headers.get('content-security-policy')).toContain(
      "connect-src 'self' http://127.0.0.1:1080;",
    );
  });
});

describe('GET /upload/status/{upload}', () => {
  const uploadId = '0123456789abcdef0123456789abcdef';
  const FACTS = {
    fetch: { path: '/x', bytes: 5, contentId: 'c', mediaType: 'video/mp4', extension: 'mp4' },
    archive: { bucket: 'b', fileId: 'f', fileName: 'n', sha1: null },
    publish: { libraryId: '77', videoId: 'video' },
    notify: { deliveryId: 'd' },
    cleanup: { freedBytes: 5 },
  };

  beforeEach(async () => {
    await ledger.recordings.accept({
      source: 'manual',
      naturalKey: 'ace:lesson-1',
      aceId: 'lesson-1',
      title: 'Algebra 1',
      origin: { kind: 'file', path: '/secret/place.mp4', bytes: 5, modifiedAtMs: 0, keep: false },
      details: { upload_id: uploadId, filename: 'secret.mp4' },
    });
  });

  it('tells the holder of the upload’s id how far its recording is, and no more', async () => {
    const { status, body } = await app.get(`/upload/status/${uploadId}?ace_id=lesson-1`);

    expect({ status, body }).toEqual({
      status: 200,
      body: {
        state: 'waiting',
        stage: 'fetch',
        percent: null,
        position: 1,
        playable: false,
        watch_url: null,
        title: 'Algebra 1',
      },
    });
  });

  it('names no stage any more once all is done that an upload goes through', async () => {
    const id = recordingId('ace:lesson-1');
    const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
    const fence = lease?.fence ?? 0;
    const stage = async () => (await app.get(`/upload/status/${uploadId}?ace_id=lesson-1`)).body.stage;
    await ledger.moves.startAttempt(id, fence);
    const seen = [];
    for (const [name, fact] of Object.entries(FACTS)) {
      await ledger.moves.startStage(id, name as 'publish', fence, stepOf(name));
      await ledger.moves.finishStage(id, name, fact as object, fence, madeBy(name, { fact: fact as object }));
      seen.push(await stage());
    }
    await lease?.release();

    expect(seen).toEqual(['archive', 'publish', 'notify', 'cleanup', null]);
  });

  it('tells where it is watched, once it can be', async () => {
    const id = recordingId('ace:lesson-1');
    const video = { libraryId: '77', videoId: 'video/1' };
    const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
    const fence = lease?.fence ?? 0;
    await ledger.moves.startAttempt(id, fence);
    await ledger.moves.startStage(id, 'publish', fence, stepOf('publish'));
    await ledger.moves.finishStage(id, 'publish', video, fence, madeBy('publish', { fact: video }));
    await lease?.release();
    await ledger.watches.add({ videoId: video.videoId, recordingId: id, notBeforeMs: 0 });
    const watchUrl = async () => (await app.get(`/upload/status/${uploadId}?ace_id=lesson-1`)).body.watch_url;
    expect(await watchUrl()).toBe(null);

    await ledger.watches.end(video.videoId, 'video.playable', {
      recordingId: id,
      type: 'recording.playable',
      body: '{}',
    });
    expect(await watchUrl()).toBe('https://academy.example/watch/lesson-1?v=video%2F1');
  });

  it.each([
    ['another id', `${uploadId.replace('0', 'f')}?ace_id=lesson-1`],
    ['another recording', `${uploadId}?ace_id=lesson-2`],
  ])('tells whoever names %s nothing', async (_name, path) => {
    expect(await app.get(`/upload/status/${path}`)).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
  });

  describe('of a second upload', () => {
    const second = 'f123456789abcdef0123456789abcdef';
    const ofSecond = async (kept: boolean) => {
      const data = { upload_id: second, bytes: 5, kept };
      await ledger.recordings.note(recordingId('ace:lesson-1'), 'upload.surplus', data);
      return await app.get(`/upload/status/${second}?ace_id=lesson-1`);
    };

    it('says that it was left out, if its bytes were others', async () => {
      expect(await ofSecond(true)).toMatchObject({ status: 409, body: { code: 'UPLOAD_LEFT_OUT' } });
    });

    it('tells how far the first one is, if its bytes were the same', async () => {
      expect(await ofSecond(false)).toMatchObject({ status: 200, body: { state: 'waiting' } });
    });
  });

  it('refuses to guess', async () => {
    expect(await app.get(`/upload/status/${uploadId}`)).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID' },
    });
  });
});
