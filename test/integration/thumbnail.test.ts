import { truncate } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { colourAt, film, H264, type MediaWorld, openMediaWorld, TONE } from '../support/media-world.ts';

let world: MediaWorld;

beforeAll(async () => {
  world = await openMediaWorld();
});
afterEach(() => world.empty());
afterAll(() => world.close());

/** Red for two seconds, then blue for two. */
const redThenBlue = () =>
  world.make(
    'red-blue.mp4',
    ...[
      '-f',
      'lavfi',
      '-i',
      'color=red:s=320x180:r=25:d=2',
      '-f',
      'lavfi',
      '-i',
      'color=blue:s=320x180:r=25:d=2',
    ],
    ...['-filter_complex', '[0][1]concat', ...H264],
  );

const KEY = 'runs/rec_1/step/1/thumbnail.jpg';

describe('a thumbnail', () => {
  it('is a JPEG of the first picture, as large as the film, if nothing is said', async () => {
    const { fact } = await world.run('thumbnail', await redThenBlue());

    expect(fact).toEqual({
      to: 'media-out',
      prefix: 'runs/rec_1/step/1/',
      outputs: [
        {
          key: KEY,
          address: `https://media.example/${KEY}`,
          mediaType: 'image/jpeg',
          bytes: expect.any(Number),
          durationS: null,
        },
      ],
      widthPx: 320,
      heightPx: 180,
      atS: 0,
      cost: { cpuS: expect.any(Number), wallS: expect.any(Number), peakRssBytes: expect.any(Number) },
    });
    expect((await world.look(KEY)).video).toMatchObject({ codec: 'mjpeg', widthPx: 320, heightPx: 180 });
    expect((await colourAt(world.at(KEY))).red).toBeGreaterThan(200);
    expect(await world.scratch()).toEqual([]);
  });

  it.each([
    ['1.9', 1.9, 'red'],
    ['00:00:02.5', 2.5, 'blue'],
    ['2500ms', 2.5, 'blue'],
    [3, 3, 'blue'],
    ['25%', 1, 'red'],
    ['100%', 3.9, 'blue'],
    ['02:00', 3.9, 'blue'],
  ] as const)('of the moment %s shows the picture at %d s', async (time, atS, colour) => {
    const { fact } = await world.run('thumbnail', await redThenBlue(), { time });

    expect(fact['atS']).toBeCloseTo(atS, 3);
    expect((await colourAt(world.at(KEY)))[colour]).toBeGreaterThan(200);
  });

  it.each([
    [{ width: 100 }, 100, 56],
    [{ width: 100, height: -1 }, 100, 56],
    [{ height: 90 }, 160, 90],
    [{ width: 0, height: 0 }, 320, 180],
    [{ width: 100, height: 100 }, 100, 100],
    [{ width: 101, height: 51 }, 102, 52],
  ])('of the size %j has even sides', async (params, widthPx, heightPx) => {
    const { fact } = await world.run('thumbnail', await redThenBlue(), params);

    expect(fact).toMatchObject({ widthPx, heightPx });
    expect((await world.look(KEY)).video).toMatchObject({ widthPx, heightPx });
  });

  it('of a film with sound that goes on shows the last picture there is', async () => {
    const path = await world.make(
      'longer-sound.mp4',
      ...['-f', 'lavfi', '-i', 'color=blue:s=64x64:r=25:d=2', ...TONE(30), ...H264, '-c:a', 'aac'],
    );
    await world.run('thumbnail', path, { time: '90%' });

    expect((await colourAt(world.at(KEY))).blue).toBeGreaterThan(200);
  });

  it('of a film that lacks its second half shows the last picture there is', async () => {
    const path = await world.copy(
      await world.make('long.mp4', ...film('320x180', 6), '-movflags', '+faststart'),
      'half.mp4',
    );
    await truncate(path, 200_000);
    await world.run('thumbnail', path, { time: '95%' });

    expect((await world.look(KEY)).video?.codec).toBe('mjpeg');
  });

  it('of a film that lies on its side stands upright', async () => {
    const flat = await world.make('flat.mp4', ...film('320x180', 1));
    const path = await world.make('turned.mp4', '-i', flat, '-c', 'copy', '-metadata:s:v:0', 'rotate=90');
    const { fact } = await world.run('thumbnail', path, { width: 90 });

    expect(fact).toMatchObject({ widthPx: 90, heightPx: 160 });
    expect((await world.look(KEY)).video).toMatchObject({ widthPx: 90, heightPx: 160, turnedDegrees: 0 });
  });

  it.each([
    ['10 bits', ['-pix_fmt', 'yuv420p10le']],
    ['4:4:4', ['-pix_fmt', 'yuv444p']],
    [
      'HDR',
      [
        '-pix_fmt',
        'yuv420p10le',
        '-color_trc',
        'smpte2084',
        '-color_primaries',
        'bt2020',
        '-colorspace',
        'bt2020nc',
      ],
    ],
    ['combs', ['-vf', 'interlace', '-flags', '+ildct+ilme']],
    ['pixels that are not square', ['-vf', 'setsar=4/3']],
  ])('of a film with %s is an ordinary JPEG', async (what, args) => {
    const source = [
      '-f',
      'lavfi',
      '-i',
      'testsrc2=s=192x108:r=50:d=1',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
    ];
    const path = await world.make(`${what.replaceAll(/\W/g, '-')}.mp4`, ...source, ...args);
    await world.run('thumbnail', path, { time: '50%' });

    expect((await world.look(KEY)).video).toMatchObject({
      codec: 'mjpeg',
      pixelFormat: 'yuvj420p',
      pixelAspect: 1,
    });
  });
});

describe('no thumbnail is made', () => {
  it.each([
    [
      'a text',
      'NOT_MEDIA',
      () => world.write('text.mp4', 'Dear tutor,\nthe recording is attached.\n'.repeat(50)),
    ],
    ['an empty file', 'MEDIA_BROKEN', () => world.write('empty.mp4', '')],
    ['sound alone', 'STREAM_MISSING', () => world.make('sound.m4a', ...TONE(1), '-c:a', 'aac')],
    [
      'a song with its cover',
      'STREAM_MISSING',
      () =>
        world.make(
          'cover.mp3',
          ...[...TONE(1), '-f', 'lavfi', '-i', 'color=red:s=64x64:d=0.04', '-map', '0:a', '-map', '1:v'],
          ...['-c:a', 'libmp3lame', '-c:v', 'mjpeg', '-disposition:v', 'attached_pic'],
        ),
    ],
    [
      'a film of too many pixels',
      'MEDIA_REFUSED',
      () => world.make('wide.mkv', ...['-f', 'lavfi', '-i', 'color=red:s=9000x16:r=1:d=1', '-c:v', 'ffv1']),
    ],
  ] as const)('of %s: %s, and nothing is left', async (_what, code, source) => {
    await expect(world.run('thumbnail', await source())).rejects.toMatchObject({ code, retry: 'never' });

    expect(await world.keys()).toEqual([]);
    expect(await world.scratch()).toEqual([]);
  });
});

describe('an attempt at a thumbnail', () => {
  it('removes what an earlier one has left', async () => {
    const path = await redThenBlue();
    const { checkpoint } = await world.run('thumbnail', path, {}, { fence: 1 });
    await world.run('thumbnail', path, {}, { fence: 2, checkpoint });

    expect(await world.keys()).toEqual(['runs/rec_1/step/2/thumbnail.jpg']);
  });

  it('leaves nothing where it is withdrawn, and again', async () => {
    const { checkpoint } = await world.run('thumbnail', await redThenBlue());
    await world.withdraw('thumbnail', { checkpoint });
    await world.withdraw('thumbnail', { checkpoint });

    expect(await world.keys()).toEqual([]);
  });

  it('waits where the place of outputs is not set up', async () => {
    const run = world.run('thumbnail', await redThenBlue(), { to: 'elsewhere' });
    await expect(run).rejects.toMatchObject({
      code: 'OUTPUT_PLACE_MISSING',
      retry: { waitMs: expect.any(Number) },
    });
  });
});
