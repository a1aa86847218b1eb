import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createUploadToken } from '../../src/lib/upload-token.ts';
import { openOutputPlaces } from '../../src/outside/output-places.ts';
import type { AppOptions } from '../../src/server/app.ts';
import { problem, startTestApp, type TestApp } from '../support/app.ts';
import { bringHome, fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';

const SECRET = 'the secret of the links, which is long';
const FROM_AFAR = { 'x-forwarded-for': '203.0.113.9' };
const SEGMENT = '0123456789';

let ledger: TestLedger;
let id: string;
const apps: TestApp[] = [];

async function start(watch: Partial<AppOptions['watch']>): Promise<TestApp> {
  const path = join(ledger.folder, 'out');
  const mediaOut = {
    kind: 'folder' as const,
    path,
    url: undefined,
    memoryPath: join(ledger.folder, 'out.json'),
    reserveBytes: 0,
  };
  const app = await startTestApp(ledger, '127.0.0.1', {
    operators: { adminToken: 'an admin token of the operators' },
    outputPlaces: openOutputPlaces({ mediaOut }, { idleTimeoutMs: 5000 }),
    watch: {
      mode: 'signed',
      tokenSecrets: [SECRET],
      embedOrigins: ['https://academy.example'],
      linkUrl: 'https://watch.example',
      mediaUrl: undefined,
      ...watch,
    },
  });
  apps.push(app);
  return app;
}

async function write(key: string, text: string): Promise<void> {
  const path = join(ledger.folder, 'out', key);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

beforeAll(async () => {
  ledger = await openTestLedger();
  ({ id } = await ledger.recordings.accept(
    fileRecording('a', {
      metadata: { chapters: [{ start_s: 4, title: 'Proof' }, { start_s: 0, title: 'Claim' }, 'x'] },
    }),
  ));
  const own = `runs/${id}`;
  const facts = {
    package: {
      to: 'media-out',
      prefix: `${own}/package/3/`,
      durationS: 8,
      keys: { hls: `${own}/package/3/master.m3u8`, dash: null },
      playback: { hls: null, dash: null },
    },
    cut: {
      to: 'media-out',
      outputs: [{ key: `${own}/cut/3/trimmed.mp4`, address: null, mediaType: 'video/mp4' }],
    },
  };
  await bringHome(ledger, id, facts);
  await write(`${own}/package/3/master.m3u8`, '#EXTM3U');
  // What an earlier attempt has sent lies below its own number.
  await write(`${own}/package/2/720p_00001.m4s`, SEGMENT);
  await write(`${own}/cut/3/trimmed.mp4`, 'not for viewers');
  await write('secret.vtt', 'of somebody else');
  await writeFile(join(ledger.folder, 'outside.m3u8'), 'of this machine');
  await symlink(join(ledger.folder, 'outside.m3u8'), join(ledger.folder, 'out', own, 'package/3/link.m3u8'));
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.close()));
  await ledger.close();
});

/** The path of the recording's files for whoever was let in. */
async function filesFor(app: TestApp, headers: Record<string, string>): Promise<string> {
  const { body, status } = await app.get(`/watch/${id}/player`, headers);
  expect([status, body.hls]).toEqual([200, expect.stringMatching(/package\/3\/master\.m3u8$/)]);
  return body.hls.replace('package/3/master.m3u8', '');
}

async function linkOf(app: TestApp, expiresS = 60): Promise<string> {
  const { status, body } = await app.post(`/api/recordings/${id}/watch-link`, { expires_s: expiresS });
  expect(status).toBe(200);
  const { origin, pathname, hash } = new URL(body.url);
  expect(origin + pathname).toBe(`https://watch.example/watch/${id}`);
  return hash.replace('#token=', '');
}

describe('whoever has a signed link', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await start({});
  });

  const ask = (token: string) => app.get(`/watch/${id}/player`, { ...FROM_AFAR, 'x-watch-token': token });

  it('is told what a player needs, and nothing of the house', async () => {
    const { status, body } = await ask(await linkOf(app));

    expect(status).toBe(200);
    expect(body).toEqual({
      title: 'Algebra',
      state: 'ready',
      percent: null,
      duration_s: 8,
      hls: expect.stringMatching(new RegExp(`^/watch/${id}/files/[\\w.-]+/package/3/master.m3u8$`)),
      dash: null,
      poster: null,
      sprite: null,
      chapters: [
        { start_s: 0, title: 'Claim' },
        { start_s: 4, title: 'Proof' },
      ],
    });
    expect(JSON.stringify(body)).not.toContain(ledger.folder);
  });

  it('is refused with one that has ended, that is for another recording, or that somebody else signed', async () => {
    const upload = await createUploadToken({ secret: SECRET, aceId: id, expiresInS: 60 });
    const { createWatchToken } = await import('../../src/lib/watch-token.ts');
    const token = (secret: string, recordingId: string, expiresInS = 60) =>
      createWatchToken({ secret, recordingId, expiresInS });

    expect(await ask(await token(SECRET, id, -60))).toEqual(problem(403, 'WATCH_LINK_EXPIRED'));
    for (const other of [
      await token(SECRET, 'rec_other'),
      await token(`${SECRET}!`, id),
      upload,
      'nonsense',
    ]) {
      expect(await ask(other)).toEqual(problem(403, 'WATCH_LINK_INVALID'));
    }
    expect(await app.get(`/watch/${id}/player`, FROM_AFAR)).toEqual(problem(403, 'WATCH_LINK_INVALID'));
  });

  it('fetches manifests and segments of the package, of every attempt, from any page', async () => {
    const files = await filesFor(app, { ...FROM_AFAR, 'x-watch-token': await linkOf(app) });
    const manifest = await app.get(`${files}package/3/master.m3u8`, FROM_AFAR);
    const segment = await app.get(`${files}package/2/720p_00001.m4s`, FROM_AFAR);

    expect(manifest).toMatchObject({ status: 200, type: 'application/vnd.apple.mpegurl', body: '#EXTM3U' });
    expect(manifest.headers).toMatchObject({
      'cache-control': 'private, max-age=60',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
    });
    expect(segment).toMatchObject({ status: 200, type: 'video/iso.segment', body: SEGMENT });
    expect(segment.headers['cache-control']).toBe('private, max-age=31536000, immutable');
  });

  it.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=1-2,4-5', 200, SEGMENT, undefined],
  ])('gets the part %s', async (range, status, body, contentRange) => {
    const files = await filesFor(app, {});
    const part = await app.get(`${files}package/2/720p_00001.m4s`, { range });

    expect([part.status, part.body, part.headers['content-range']]).toEqual([status, body, contentRange]);
  });

  it.each([
    'cut/3/trimmed.mp4',
    'package/3/../../../../secret.vtt',
    'package/3/..%2f..%2f..%2f..%2fsecret.vtt',
    '..%2f..%2fsecret.vtt',
    'package/3/link.m3u8',
    'package/3/.sluice',
    'package/3/nothing.m3u8',
    'package//3/master.m3u8',
  ])('gets nothing at %s', async (path) => {
    const files = await filesFor(app, {});

    expect((await app.get(`${files}${path}`, FROM_AFAR)).status).toBe(404);
  });

  it('opens one recording with the addresses of its files, and not another', async () => {
    const files = await filesFor(app, {});
    const other = files.replace(id, 'rec_other');

    expect(await app.get(`${other}package/3/master.m3u8`)).toEqual(problem(403, 'WATCH_LINK_EXPIRED'));
    expect(await app.get(`/watch/${id}/files/open/package/3/master.m3u8`)).toEqual(
      problem(403, 'WATCH_LINK_EXPIRED'),
    );
  });

  it('gets a page that only the listed sites may show in a frame', async () => {
    const { status, headers, body } = await app.get(`/watch/${id}`, FROM_AFAR);

    expect([status, headers['x-frame-options']]).toEqual([200, undefined]);
    expect(headers['content-security-policy']).toContain("frame-ancestors 'self' https://academy.example");
    expect(body).not.toContain(ledger.folder);
    expect((await app.get('/upload')).headers['x-frame-options']).toBe('DENY');
  });
});

it('operators watch with no link, and others not at all, where it is off', async () => {
  const app = await start({ mode: 'off', tokenSecrets: [] });
  const files = await filesFor(app, {});

  expect((await app.get(`${files}package/3/master.m3u8`)).body).toBe('#EXTM3U');
  expect(await app.get(`/watch/${id}/player`, FROM_AFAR)).toEqual(problem(401, 'LOGIN_REQUIRED'));
  expect(await app.post(`/api/recordings/${id}/watch-link`, {})).toEqual(problem(409, 'WATCH_OFF'));
});

it('everybody watches where it is public, and proxies may keep what they fetch', async () => {
  const app = await start({ mode: 'public', tokenSecrets: [] });
  const files = await filesFor(app, FROM_AFAR);
  const { headers } = await app.get(`${files}package/2/720p_00001.m4s`, FROM_AFAR);

  expect(files).toBe(`/watch/${id}/files/open/`);
  expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
  expect((await app.post(`/api/recordings/${id}/watch-link`, {})).body).toEqual({
    url: `https://watch.example/watch/${id}`,
    expires_at: null,
  });
  expect(await app.get('/watch/rec_nobody/player', FROM_AFAR)).toEqual(problem(404, 'NOT_FOUND'));
});

it('nothing is shown any more of a recording that is deleted', async () => {
  const app = await start({ mode: 'public', tokenSecrets: [] });
  await ledger.operator.as('test').delete(id, { withCompanions: false });
  const { body } = await app.get(`/watch/${id}/player`, FROM_AFAR);

  expect(body).toMatchObject({ state: 'gone', hls: null, poster: null });
  expect((await app.get(`/watch/${id}/files/open/package/3/master.m3u8`)).status).toBe(404);
});
