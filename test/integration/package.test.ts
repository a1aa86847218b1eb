import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { KnownError } from '../../src/domain/errors.ts';
import type { OutputPlace } from '../../src/engine/ports/output-place.ts';
import * as task from '../../src/tasks/package.ts';
import { makeFilm, picture, QUICK_H264, tone } from '../support/films.ts';
import { type MediaBench, openMediaBench } from '../support/media-bench.ts';
import { readMpd, readPlaylist, realSegment } from '../support/package-reader.ts';

let films: MediaBench;
/** 13 s with a keyframe each 2 s and mono at 32 kHz, as Zoom makes them. */
let zoom: string;
/** The same with one keyframe, which cannot be cut as it is. */
let uncut: string;

beforeAll(async () => {
  films = await openMediaBench();
  const make = (name: string, gop: number) =>
    makeFilm(films.folder, name, [
      ...picture('640x360'),
      ...tone(32_000, 'mono'),
      ...['-t', '13', ...QUICK_H264, '-g', String(gop), '-b:v', '300k', '-c:a', 'aac'],
    ]);
  zoom = await make('zoom.mp4', 50);
  uncut = await make('uncut.mp4', 1000);
});
afterAll(() => films.close());

let bench: MediaBench;
beforeEach(async () => {
  bench = await openMediaBench();
});
afterEach(() => bench.close());

const SMALL = { ladder: ['R_360P', 'R_144P'], top: 'encode', effort: 'hurry' };

/** The segments of each track as they really are. */
async function realTracks(prefix: string, tracks: readonly { id: string }[]) {
  return await Promise.all(
    tracks.map(async ({ id }) => {
      const { segments, complaints } = readPlaylist(await bench.text(`${prefix}${id}.m3u8`));
      const real = [];
      for (const { uri, map } of segments) {
        const header = map && join(bench.out, prefix, map.uri);
        real.push(await realSegment(header, join(bench.out, prefix, uri)));
      }
      return { id, complaints, declared: segments.map(({ duration }) => duration), real };
    }),
  );
}

/** Counts what is sent, and can be made to fail. */
function counted(place: OutputPlace, before: (key: string) => void = () => {}) {
  const keys: string[] = [];
  const counting: OutputPlace = {
    ...place,
    async put(input) {
      before(input.key);
      const done = await place.put(input);
      keys.push(input.key);
      return done;
    },
  };
  return { keys, tools: { outputPlaces: new Map([['media-out', counting]]) } };
}

describe.each([
  ['encoded', () => uncut, { ladder: ['R_360P', 'R_144P'], effort: 'hurry' }, [false, false, false]],
  ['with the film copied as its largest rendition', () => zoom, {}, [true, false, true]],
  [
    'encoded into transport streams',
    () => uncut,
    { ladder: ['R_360P', 'R_144P'], effort: 'hurry', segments: 'ts' },
    [false, false],
  ],
  ['copied into transport streams', () => zoom, { segments: 'ts' }, [true, false]],
] as const)('a package %s', (_how, film, params, isCopied) => {
  it('tells strangers who read it what is really in it', async () => {
    const fact = await bench.run(task, film(), params);

    expect(fact.tracks.map((track: { isCopied: boolean }) => track.isCopied)).toEqual(isCopied);
    expect(fact.durationS).toBeCloseTo(13, 0);
    const shares = fact.tracks.map(({ cpuS }: { cpuS: number }) => cpuS);
    expect(shares.reduce((sum: number, share: number) => sum + share, 0)).toBeCloseTo(fact.cost.cpuS, 6);
    const master = readPlaylist(await bench.text(fact.keys.hls));
    const mpd = fact.keys.dash === null ? undefined : readMpd(await bench.text(fact.keys.dash));
    expect([...master.complaints, ...(mpd?.complaints ?? [])]).toEqual([]);
    expect(mpd === undefined).toBe('segments' in params);
    expect(master.independentSegments).toBe(true);

    const tracks = await realTracks(fact.prefix, fact.tracks);
    for (const { id, complaints, declared, real } of tracks) {
      expect(complaints).toEqual([]);
      expect(real.length, id).toBeGreaterThan(2);
      for (const [at, { startS, endS, startsWithKeyframe }] of real.entries()) {
        const realS = (real[at + 1]?.startS ?? endS) - startS;
        // Of the last frame of sound ffprobe does not tell that it is cut short; beside pictures it ends after them.
        const isLastSound = (id === 'audio' || mpd === undefined) && at === real.length - 1;
        expect(Math.abs((declared[at] ?? 0) - realS), `${id} ${at}`).toBeLessThan(isLastSound ? 0.05 : 0.001);
        expect(startsWithKeyframe).toBe(true);
      }
    }
    const [largest, ...others] = tracks.filter(({ id }) => id !== 'audio');
    for (const other of others) {
      expect(other.real).toHaveLength(largest?.real.length ?? 0);
      for (const [at, { startS }] of other.real.entries()) {
        expect(startS).toBeCloseTo(largest?.real[at]?.startS ?? Number.NaN, 3);
      }
    }

    const sound = tracks.find(({ id }) => id === 'audio');
    const peak = (real: readonly { startS: number; endS: number; bytes: number }[] = []) =>
      Math.max(
        ...real
          .filter(({ startS, endS }) => endS - startS > 2)
          .map((each) => (8 * each.bytes) / (each.endS - each.startS)),
      );
    for (const { uri, attributes } of master.playlists ?? []) {
      const own = tracks.find(({ id }) => `${id}.m3u8` === uri);
      expect(attributes['BANDWIDTH']).toBeGreaterThanOrEqual(Math.floor(peak(own?.real) + peak(sound?.real)));
      expect(attributes['CODECS']).toMatch(/^avc1\.[0-9a-f]{6},mp4a\.40\.2$/);
    }
    for (const playlist of mpd?.playlists ?? []) {
      const own = tracks.find(({ id }) => id === playlist.attributes['NAME']);
      expect(playlist.segments.map(({ duration }) => duration)).toEqual(
        own?.declared.map((each) => expect.closeTo(each, 5)),
      );
    }
  });
});

it('what comes out the same each time is the same to the bit', async () => {
  const made = async () => {
    bench.kept.checkpoint = undefined;
    const fact = await bench.run(task, zoom, { ladder: 'auto' });
    const names = (await bench.files()).filter((name) => /(360p|audio)(_|\.)/.test(name));
    const bytes = await Promise.all(names.map((name) => bench.read(name)));
    await bench.withdraw(task, fact);
    expect(await bench.files()).toEqual([]);
    return bytes;
  };
  const [one, other] = [await made(), await made()];

  expect(one.length).toBeGreaterThan(8);
  expect(one.map((bytes, at) => bytes.equals(other[at] ?? Buffer.alloc(0)))).not.toContain(false);
});

it.each([
  [{ formats: ['hls', 'dash'] }, 'MPEG-TS are for HLS alone'],
  [{ codec: 'vp9' }, 'MPEG-TS carry no vp9'],
])('a package of transport streams is refused with %j before anything is made', (params, why) => {
  const parsed = task.shape.params.safeParse({ segments: 'ts', ...params });
  expect(parsed.error?.message).toContain(why);
});

describe('a package', () => {
  it('can be the film as it is, and nothing beside it', async () => {
    const fact = await bench.run(task, zoom, { ladder: 'top' });

    expect(fact.tracks.map(({ id, isCopied }: { id: string; isCopied: boolean }) => [id, isCopied])).toEqual([
      ['360p', true],
      ['audio', true],
    ]);
    expect(readPlaylist(await bench.text(fact.keys.hls)).complaints).toEqual([]);
  });

  it('is sent while it is made, the manifests last', async () => {
    const { keys, tools } = counted(bench.outputs);
    const fact = await bench.run(task, uncut, SMALL, { tools });

    const names = keys.map((key) => key.slice(fact.prefix.length));
    const firstManifest = names.findIndex((name) => /\.(m3u8|mpd)$/.test(name));
    expect(names.slice(firstManifest, -1).sort()).toEqual([
      '144p.m3u8',
      '360p.m3u8',
      'audio.m3u8',
      'manifest.mpd',
    ]);
    expect(names.at(-1)).toBe('master.m3u8');
    expect(firstManifest).toBeGreaterThan(10);
    expect(await bench.scraps()).toEqual([]);
  });

  it('goes on where an attempt was interrupted, and sends nothing twice of what comes out the same', async () => {
    const cancel = new AbortController();
    const first = counted(bench.outputs, () => {
      if (first.keys.length >= 8) cancel.abort(new Error('the worker stops'));
    });
    const attempt = bench.run(task, zoom, {}, { signal: cancel.signal, tools: first.tools });
    await expect(attempt).rejects.toThrow('the worker stops');

    const second = counted(bench.outputs);
    const fact = await bench.run(task, zoom, {}, { fence: 2, tools: second.tools });

    const copied = first.keys.filter((key) => /\/(360p|audio)_/.test(key));
    expect(copied.length).toBeGreaterThan(0);
    expect(second.keys.filter((key) => copied.includes(key))).toEqual([]);
    expect(fact.prefix).toMatch(/\/2\/$/);
    const { segments, complaints } = readPlaylist(await bench.text(`${fact.prefix}360p.m3u8`));
    expect(complaints).toEqual([]);
    for (const { uri } of segments) await bench.read(join(fact.prefix, uri));
    // Nothing is there that nobody names.
    expect((await bench.files()).length).toBe(fact.files);
  });

  it('is sent anew where what an attempt has sent was taken away', async () => {
    const cancel = new AbortController();
    const first = counted(bench.outputs, () => {
      if (first.keys.length >= 8) cancel.abort(new Error('the worker stops'));
    });
    await bench.run(task, zoom, {}, { signal: cancel.signal, tools: first.tools }).catch(() => {});
    await bench.outputs.remove({ keys: first.keys, signal: new AbortController().signal });

    const lost = bench.run(task, zoom, {}, { fence: 2 });
    await expect(lost).rejects.toMatchObject({ code: 'OUTPUT_GONE', retry: 'backoff' });
    const fact = await bench.run(task, zoom, {}, { fence: 3 });
    expect((await bench.files()).length).toBe(fact.files);
  });

  it('begins at another place where it is to be made otherwise, and leaves nothing at the first', async () => {
    const cancel = new AbortController();
    const first = counted(bench.outputs, () => {
      if (first.keys.length >= 2) cancel.abort(new Error('the worker stops'));
    });
    await bench.run(task, uncut, SMALL, { signal: cancel.signal, tools: first.tools }).catch(() => {});
    const fact = await bench.run(task, uncut, { ...SMALL, segmentS: 4 }, { fence: 2 });

    expect(fact.prefix).toMatch(/\/2\/$/);
    expect((await bench.files()).filter((name) => !name.startsWith(fact.prefix))).toEqual([]);
  });

  it('of half a film is none, and nothing of it is left', async () => {
    const path = await makeFilm(bench.folder, 'half.mp4', [
      ...[...picture('320x180'), '-t', '20', ...QUICK_H264, '-g', '50', '-movflags', '+faststart'],
    ]);
    const { length } = await readFile(path);
    await truncate(path, Math.round(length / 2));

    await expect(bench.run(task, path)).rejects.toMatchObject({ code: 'OUTPUT_TOO_SHORT', retry: 'never' });
    expect(await bench.files()).toEqual([]);
    expect(await bench.scraps()).toEqual([]);
  });

  it('is none where its pictures cannot be decoded: no manifest names them', async () => {
    const bytes = await readFile(zoom);
    // Within the first picture, which is copied as it is.
    const firstPicture = bytes.indexOf('mdat') + 2000;
    bytes.fill(0x55, firstPicture, firstPicture + 1000);
    const path = join(bench.folder, 'spoilt.mp4');
    await writeFile(path, bytes);

    await expect(bench.run(task, path, { ladder: 'top' })).rejects.toMatchObject({ code: 'FFMPEG_FAILED' });
    expect((await bench.files()).filter((name) => /\.(m3u8|mpd)$/.test(name))).toEqual([]);
  });

  it('is given up where its files cannot be put anywhere, and waits as for any service that is down', async () => {
    const down = new KnownError('no answer', { code: 'REMOTE_UNAVAILABLE', retry: 'backoff' });
    const { tools } = counted(bench.outputs, () => {
      throw down;
    });

    await expect(bench.run(task, uncut, SMALL, { tools })).rejects.toBe(down);
    expect((await bench.scraps()).filter((name) => !name.endsWith('notes'))).toEqual([]);
  });

  it('waits where its place is not set up', async () => {
    const run = bench.run(task, uncut, { to: 'elsewhere' });
    await expect(run).rejects.toMatchObject({ code: 'OUTPUT_PLACE_MISSING' });
  });

  it.each([
    ['hevc', /^hvc1\.1\.6\.L\d+\.90$/],
    ['vp9', /^vp09\.00\.\d\d\.08$/],
  ])('can be of %s', async (codec, codecs) => {
    const fact = await bench.run(task, uncut, { ...SMALL, codec, ladder: ['R_144P'] });

    expect(fact.tracks[0]).toMatchObject({ codecs: expect.stringMatching(codecs), segments: 3 });
    const mpd = readMpd(await bench.text(fact.keys.dash));
    expect(mpd.complaints).toEqual([]);
  });

  it('can be of one kind only', async () => {
    const fact = await bench.run(task, uncut, { ...SMALL, formats: ['dash'] });
    expect(fact.keys).toEqual({ hls: null, dash: `${fact.prefix}manifest.mpd` });
    expect((await bench.files()).filter((name) => name.endsWith('.m3u8'))).toEqual([]);
  });
});
