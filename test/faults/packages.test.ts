import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../simulators/shared/faults.ts';
import { sendTranscript } from '../support/faults-house.ts';
import { type CrashAt, expectDeath, startCrashWorker } from '../support/faults-worker.ts';
import { type MediaHouse, openMediaHouse } from '../support/media-house.ts';
import { readPlaylist } from '../support/package-reader.ts';
import { isWhole } from '../support/whole-tables.ts';

/** Where nothing else runs, a tenth of that. */
const SOON = { timeout: 60_000, interval: 20 };

let media: MediaHouse;

beforeAll(async () => {
  media = await openMediaHouse();
});
afterEach(() => media.s3.faults.clear());
afterAll(() => media?.close());

const worker = (more: { crashAt?: CrashAt; marker?: string } = {}) =>
  startCrashWorker(media.house, { settings: media.settings, ...more });

/** Where a worker dies that makes a package; as many as there are points. */
const CRASHES: readonly CrashAt[] = [
  'package:after-begin',
  'package:after-segment:7',
  'package:before-manifests',
  'package:after-manifest:2',
  'package:before-fact',
];

describe('a package in S3', () => {
  it.each(isWhole ? CRASHES : CRASHES.filter((at) => /segment|before-fact/.test(at)))(
    'of a worker that dies at %s is whole in the end, and nothing else is there',
    async (crashAt) => {
      const marker = join(media.house.files, `${crashAt}.died`);
      const doomed = worker({ crashAt, marker });
      let heir: typeof doomed | undefined;
      try {
        const id = await media.add();
        await expectDeath(doomed, { crashAt, marker });
        await expect.poll(media.running, { timeout: 10_000 }).toEqual([]);

        heir = worker();
        await media.expectShown(id);
      } finally {
        await Promise.all([doomed.kill(), heir?.kill()]);
      }
    },
  );

  it('is whole where ffmpeg was killed in the middle of it', async () => {
    const only = worker();
    try {
      const id = await media.add();
      await expect.poll(() => media.putsOf(id).length, { timeout: 60_000, interval: 20 }).toBeGreaterThan(0);
      await media.killRunning();
      await media.expectShown(id);
    } finally {
      await only.kill();
    }
  });

  it('waits at no cost while S3 is killed in the middle of it, goes on when that is back, and sends nothing anew that had come', async () => {
    const only = worker();
    try {
      const id = await media.add();
      await expect.poll(() => media.putsOf(id).length, { timeout: 60_000, interval: 20 }).toBeGreaterThan(4);
      await media.s3.kill();
      await expect.poll(() => media.house.history(id), { timeout: 60_000 }).toContain('attempt.postponed');
      await expect.poll(media.running, { timeout: 10_000 }).toEqual([]);
      expect(await media.house.recordings.get(id)).toMatchObject({ failedAttempts: 0 });
      expect((await media.house.recordings.outputs(id))['package']).toMatchObject({
        ending: null,
        failedAttempts: 0,
      });

      await media.s3.start();
      await media.expectShown(id);
    } finally {
      await only.kill();
    }
  });

  it('leaves nothing where it is cancelled in the middle', async () => {
    const only = worker();
    try {
      const id = await media.add();
      await expect.poll(() => media.putsOf(id).length, { timeout: 60_000, interval: 20 }).toBeGreaterThan(2);
      await media.house.post(`/api/recordings/${id}/cancel`, {});
      await media.house.reaches(id, 'cancelled', 'done');
      await media.expectQuiet();
      // What was on its way when it was cancelled may come behind that, and is looked for and taken back.
      if ((await media.house.recordings.get(id))?.state === 'cancelled')
        await expect.poll(() => media.keysOf(id)).toEqual([]);
      expect(media.s3.uploads()).toEqual([]);
    } finally {
      await only.kill();
    }
  });
});

describe('a package at an address of its caller', () => {
  /** What lies below the folder of the address. */
  const keysBelow = (folder: string) =>
    media.s3.objects().flatMap(({ key }) => (key.startsWith(folder) ? [key] : []));

  it.each([
    'package:after-manifest:5',
    ...(isWhole ? ['package:after-segment:3', 'package:before-fact'] : []),
  ])('of a worker that dies at %s is whole in the end, and nothing else is there', async (crashAt) => {
    const folder = `theirs/${crashAt.replaceAll(':', '-')}/`;
    const marker = join(media.house.files, `${crashAt}.address.died`);
    const doomed = worker({ crashAt: crashAt as CrashAt, marker });
    let heir: typeof doomed | undefined;
    try {
      const response = await media.house.post('/api/runs', {
        input: 'media-in:film.mp4',
        presets: ['hls-720p'],
        params: { 'hls-720p': { to: `s3://${media.s3.bucket}/${folder}lesson.m3u8`, segmentS: 1 } },
      });
      const { id } = (await response.json()) as { id: string };
      await expectDeath(doomed, { crashAt: crashAt as CrashAt, marker });
      await expect.poll(media.running, { timeout: 10_000 }).toEqual([]);

      heir = worker();
      await expect.poll(async () => (await media.house.recordings.get(id))?.state, SOON).toBe('done');

      const { facts } = await media.house.recordings.progress(id);
      const { prefix, files } = facts['hls-720p'] as unknown as { prefix: string; files: number };
      const master = await text(media.s3.read(`${folder}lesson.m3u8`));
      expect(master).toContain(prefix.slice(folder.length));
      const below = keysBelow(folder);
      // What comes out the same each time lies where the first attempt has put it.
      const own = `${folder}runs/${id}/hls-720p/`;
      expect(below.filter((key) => !key.startsWith(own))).toEqual([`${folder}lesson.m3u8`]);
      expect(below).toHaveLength(files + 1);
      for (const { uri } of readPlaylist(master).playlists ?? []) {
        const playlist = `${folder}${uri}`;
        expect(below).toContain(playlist);
        const { segments = [] } = readPlaylist(await text(media.s3.read(playlist)));
        expect(segments.length).toBeGreaterThan(6);
        for (const segment of segments) {
          expect(below).toContain(new URL(segment.uri, `http://any/${playlist}`).pathname.slice(1));
        }
      }
    } finally {
      await Promise.all([doomed.kill(), heir?.kill()]);
    }
  });
});

/** A call that the steps make of their place. */
const CALLS: readonly (readonly [name: string, on: string])[] = [
  ['ListObjectsV2, of what was there before', 'GET *#ListObjectsV2'],
  ['PutObject, of a segment', 'PUT *.m4s#PutObject'],
  ['PutObject, of a header', 'PUT *_init.mp4#PutObject'],
  ['PutObject, of a manifest', 'PUT *.m3u8#PutObject'],
  ['PutObject, of a film', 'PUT *video.mp4#PutObject'],
];

const KINDS: readonly (readonly [name: string, fault: Omit<Fault, 'on'>])[] = [
  ['a reset once it is done', { drop: 'after-handling' }],
  ['seven 503 in a row', { status: 503, count: 7 }],
  ['silence', { stall: true }],
  ['a reset in the middle of the request', { drop: 'during-body', cutAfterBytes: 100 }],
  ['an error within a success', { status: 200, body: '<Error><Code>InternalError</Code></Error>' }],
];

describe('a package in S3 is whole, whatever goes wrong once', () => {
  it.each(
    CALLS.flatMap(([name, on], at) =>
      KINDS.filter((_, kind) => isWhole || kind === at % KINDS.length).map(
        ([kind, fault]) => [name, kind, on, fault] as const,
      ),
    ),
  )('%s: %s', async (_call, _kind, on, fault) => {
    const struck = media.s3.faults.struck;
    media.s3.fail({ on, ...fault });
    const only = worker();
    try {
      const id = await media.add();
      await media.expectShown(id);
      expect(media.s3.faults.struck).toBeGreaterThan(struck);
    } finally {
      await only.kill();
    }
  });

  it('and every place is listed where a worker can die that makes one', async () => {
    const source = await readFile(join(import.meta.dirname, '../../src/tasks/package.ts'), 'utf8');
    const points = [...source.matchAll(/crashPoint\('([^']+)'\)/g)].map(([, point]) => point);
    expect([...new Set(CRASHES.map((at) => at.replace(/:\d+$/, '')))].sort()).toEqual(points.sort());
  });
});

it('captions are whole in a package in S3, and wholly gone, whoever dies while they are brought and whatever goes wrong', async () => {
  const { house, s3 } = media;
  let only = worker();
  try {
    const video = await house.addZoom('Algebra');
    await house.reaches(video.id, 'done', 'failed');
    const { facts } = await house.recordings.progress(video.id);
    const { prefix } = facts['package'] as unknown as { prefix: string };
    const before = await media.keysOf(video.id);
    const read = async (name: string) => await text(s3.read(`shown/${prefix}${name}`));
    const manifests = async () => [await read('master.m3u8'), await read('manifest.mpd')];
    const plain = await manifests();
    await only.kill();

    // Of DASH they are there by then, of HLS not yet.
    const crashAt = 'package-captions:after-file:3';
    const marker = join(house.files, `${crashAt}.died`);
    only = worker({ crashAt, marker });
    const { id } = await sendTranscript(house, video);
    await expectDeath(only, { crashAt, marker });
    s3.fail({ on: 'PUT *master.m3u8#PutObject', drop: 'after-handling' });
    only = worker();
    const name = `captions-en-${id.replace('rec_', '').slice(0, 8)}`;
    await expect
      .poll(manifests, { timeout: 60_000 })
      .toEqual([expect.stringContaining(`URI="${name}.m3u8"`), expect.stringContaining(`>${name}.vtt<`)]);
    await expect
      .poll(async () => (await house.recordings.progress(id)).facts, { timeout: 60_000 })
      .toHaveProperty('package-captions');
    const files = [`${name}.m3u8`, `${name}.vtt`].map((file) => `shown/${prefix}${file}`);
    expect((await media.keysOf(video.id)).sort()).toEqual([...before, ...files].sort());

    s3.fail({ on: 'PUT *manifest.mpd#PutObject', status: 503, count: 3 });
    await house.post(`/api/recordings/${id}/cancel`, {});
    await house.reaches(id, 'cancelled');
    expect(await manifests()).toEqual(plain);
    expect((await media.keysOf(video.id)).sort()).toEqual([...before].sort());
  } finally {
    await only.kill();
  }
}, 240_000);
