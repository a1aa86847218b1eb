import { truncate } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Ffmpeg } from '../../src/engine/ports/ffmpeg.ts';
import {
  colourAt,
  film,
  H264,
  type MediaWorld,
  moovIsFirst,
  openMediaWorld,
  TONE,
} from '../support/media-world.ts';

let world: MediaWorld;

beforeAll(async () => {
  world = await openMediaWorld();
});
afterEach(() => world.empty());
afterAll(() => world.close());

const AT = 'runs/rec_1/step/1/';

/** Twelve seconds with sound, red and then blue from the sixth on, and a keyframe each five. */
const source = () =>
  world.make(
    'source.mp4',
    ...[
      '-f',
      'lavfi',
      '-i',
      'color=red:s=128x72:r=25:d=6',
      '-f',
      'lavfi',
      '-i',
      'color=blue:s=128x72:r=25:d=6',
    ],
    ...[...TONE(12), '-filter_complex', '[0][1]concat[v]', '-map', '[v]', '-map', '2:a', ...H264],
    ...['-g', '125', '-sc_threshold', '0', '-c:a', 'aac'],
  );

describe('a transcode', () => {
  it('leaves as it is what is right already, and puts first what players need first', async () => {
    const { fact } = await world.run('transcode', await source());

    expect(fact).toMatchObject({ copied: ['video', 'audio'], widthPx: 128, heightPx: 72 });
    expect(fact.outputs).toMatchObject([{ key: `${AT}video.mp4`, mediaType: 'video/mp4', durationS: 12.0 }]);
    expect(await moovIsFirst(world.at(`${AT}video.mp4`))).toBe(true);
    expect(await world.scratch()).toEqual([]);
  });

  it('encodes what has to be smaller, with its sound as it is asked for', async () => {
    const params = { shortSide: 64, container: 'mkv', audio: 'opus', quality: 'small' };
    const { fact } = await world.run('transcode', await source(), params);

    expect(fact).toMatchObject({ copied: [], widthPx: 114, heightPx: 64 });
    const made = await world.look(`${AT}video.mkv`);
    expect(made.video).toMatchObject({ codec: 'h264', widthPx: 114, heightPx: 64, pixelFormat: 'yuv420p' });
    expect(made.audio).toMatchObject({ codec: 'opus', channels: 2 });
    expect(made.durationS).toBeCloseTo(12, 0);
  });

  it('leaves the pictures and encodes the sound where only that is not right', async () => {
    const path = await world.make('opus.mkv', '-i', await source(), '-c:v', 'copy', '-c:a', 'libopus');
    const { fact } = await world.run('transcode', path);

    expect(fact).toMatchObject({ copied: ['video'] });
    expect((await world.look(`${AT}video.mp4`)).audio?.codec).toBe('aac');
  });

  it.each([
    ['be brought into the container so', (args: readonly string[]) => !args.includes('framecrc')],
    ['even be looked through', () => true],
  ] as const)('encodes what should stay as it is, and cannot %s', async (_what, isRefused) => {
    const { ffmpeg } = world.tools;
    const refusing: Ffmpeg = {
      ...ffmpeg,
      run: (run) =>
        ffmpeg.run(
          isRefused(run.args)
            ? { ...run, args: run.args.map((arg) => (arg === 'copy' ? 'no-such-codec' : arg)) }
            : run,
        ),
    };
    const { fact } = await world.run('transcode', await source(), {}, {}, { ffmpeg: refusing });

    expect(fact).toMatchObject({ copied: [] });
    expect((await world.look(`${AT}video.mp4`)).video?.codec).toBe('h264');
  });

  it.each([
    ['webm', 'video.webm', 'vp9', 'opus'],
    ['m4a', 'audio.m4a', undefined, 'aac'],
    ['mp3', 'audio.mp3', undefined, 'mp3'],
    ['wav', 'audio.wav', undefined, 'pcm_s16le'],
  ])('to %s is what players expect there', async (container, name, video, audio) => {
    await world.run('transcode', await source(), { container });

    const made = await world.look(`${AT}${name}`);
    expect([made.video?.codec, made.audio?.codec]).toEqual([video, audio]);
  });

  it('of a silent film is silent, and of sound alone is sound alone', async () => {
    await world.run('transcode', await world.make('silent.mp4', ...film('64x64', 1)), { copy: false });
    expect(await world.look(`${AT}video.mp4`)).toMatchObject({ audio: undefined, video: { codec: 'h264' } });

    const cover = await world.make(
      'cover.mp3',
      ...[...TONE(1), '-f', 'lavfi', '-i', 'color=red:s=64x64:d=0.04', '-map', '0:a', '-map', '1:v'],
      ...['-c:a', 'libmp3lame', '-c:v', 'mjpeg', '-disposition:v', 'attached_pic'],
    );
    await world.run('transcode', cover);
    expect(await world.look(`${AT}video.mp4`)).toMatchObject({ streamCount: 1, audio: { codec: 'aac' } });
  });

  it.each([
    ['4:4:4', 'testsrc2=s=128x72:r=25:d=1', ['-pix_fmt', 'yuv444p']],
    ['10 bits', 'testsrc2=s=128x72:r=25:d=1', ['-pix_fmt', 'yuv420p10le']],
    ['odd sides', 'testsrc=s=127x71:r=25:d=1', ['-pix_fmt', 'yuv444p']],
    [
      'combs',
      'testsrc2=s=128x72:r=50:d=1',
      ['-vf', 'interlace', '-flags', '+ildct+ilme', '-pix_fmt', 'yuv420p'],
    ],
  ])('of a film with %s plays everywhere', async (what, picture, args) => {
    const path = await world.make(
      `${what.replaceAll(/\W/g, '-')}.mp4`,
      ...['-f', 'lavfi', '-i', picture, '-c:v', 'libx264', '-preset', 'ultrafast', ...args],
    );
    const { fact } = await world.run('transcode', path);

    expect(fact).toMatchObject({ copied: [] });
    expect((await world.look(`${AT}video.mp4`)).video).toMatchObject({
      codec: 'h264',
      pixelFormat: 'yuv420p',
      widthPx: 128,
      heightPx: 72,
      isInterlaced: false,
    });
  });

  it('of a film that lies on its side keeps it upright, copied or encoded', async () => {
    const path = await world.make(
      'turned.mp4',
      '-i',
      await source(),
      '-c',
      'copy',
      '-metadata:s:v:0',
      'rotate=90',
    );
    await world.run('transcode', path);
    expect((await world.look(`${AT}video.mp4`)).video).toMatchObject({ widthPx: 128, turnedDegrees: 270 });

    await world.run('transcode', path, { copy: false });
    expect((await world.look(`${AT}video.mp4`)).video).toMatchObject({
      widthPx: 72,
      heightPx: 128,
      turnedDegrees: 0,
    });
  });
});

describe('a trim', () => {
  it('as it is begins at the keyframe before, and says at which', async () => {
    const { fact } = await world.run('trim', await source(), { start: '00:00:07', end: 11 });

    expect(fact).toMatchObject({ startsAtS: 5, endsAtS: 11, isExact: false });
    const made = await world.look(`${AT}trimmed.mp4`);
    expect(made.durationS).toBeCloseTo(6, 0);
    expect(made).toMatchObject({ video: { codec: 'h264' }, audio: { codec: 'aac' } });
    expect((await colourAt(world.at(`${AT}trimmed.mp4`), 0.5)).red).toBeGreaterThan(200);
  });

  it('that is exact begins at the very moment', async () => {
    const { fact } = await world.run('trim', await source(), { start: '50%', end: '75%', exact: true });

    expect(fact).toMatchObject({ startsAtS: 6, endsAtS: 9, isExact: true });
    expect((await world.look(`${AT}trimmed.mp4`)).durationS).toBeCloseTo(3, 1);
    expect((await colourAt(world.at(`${AT}trimmed.mp4`), 0)).blue).toBeGreaterThan(200);
  });

  it('of a film that has no times of its own is encoded', async () => {
    const path = await world.make(
      'no-times.avi',
      '-i',
      await source(),
      '-c',
      'copy',
      '-bsf:v',
      'h264_mp4toannexb',
    );
    const { fact } = await world.run('trim', path, { start: 7, end: 8 });

    expect(fact).toMatchObject({ startsAtS: 7, isExact: true });
    expect(await world.run('transcode', path)).toMatchObject({ fact: { copied: [] } });
  });

  it('goes to the end where that is nearer than what is asked for', async () => {
    const { fact } = await world.run('trim', await source(), { start: 10, end: '01:00' });

    expect(fact).toMatchObject({ startsAtS: 10, endsAtS: 12 });
  });

  it.each([
    [
      'webm',
      ['-c:v', 'libvpx-vp9', '-cpu-used', '8', '-deadline', 'realtime', '-c:a', 'libopus'],
      'trimmed.webm',
    ],
    ['m4a', ['-vn', '-c:a', 'aac'], 'trimmed.m4a'],
    ['mp3', ['-vn', '-c:a', 'libmp3lame'], 'trimmed.mp3'],
    ['wav', ['-vn'], 'trimmed.wav'],
  ])('of %s stays what it is', async (extension, args, name) => {
    const path = await world.make(`short.${extension}`, '-i', await source(), '-t', '3', ...args);
    const { fact } = await world.run('trim', path, { end: 2 });

    expect(fact.outputs).toMatchObject([{ key: `${AT}${name}` }]);
    expect((await world.look(`${AT}${name}`)).durationS).toBeCloseTo(2, 0);
  });

  it.each([
    [{ start: 12.5 }, 'It cannot begin at 12.5 s: the file is 12.0'],
    [{ start: 5, end: 4 }, 'It cannot begin at 5 s and end at 4 s'],
  ])('of %j is refused', async (params, message) => {
    await expect(world.run('trim', await source(), params)).rejects.toMatchObject({
      code: 'PARAMS_UNFIT',
      message: expect.stringContaining(message),
    });
  });
});

describe('nothing is made', () => {
  it.each(['transcode', 'trim'])('by %s of a text', async (task) => {
    const path = await world.write('text.mp4', 'Dear tutor, the recording is attached.');
    await expect(world.run(task, path)).rejects.toMatchObject({ code: 'NOT_MEDIA', retry: 'never' });
  });

  it.each([
    ['transcode', {}],
    ['transcode', { copy: false }],
    ['trim', { exact: true }],
    ['trim', {}],
  ])('by %s with %j of a film that lacks its second half', async (task, params) => {
    const whole = await world.make('whole.mp4', ...film('320x180', 6), '-movflags', '+faststart');
    const path = await world.copy(whole, 'half.mp4');
    await truncate(path, 200_000);
    await expect(world.run(task, path, params)).rejects.toMatchObject({
      code: expect.stringMatching(/OUTPUT_TOO_SHORT|OUTPUT_DIFFERS/),
      retry: 'never',
    });

    expect(await world.keys()).toEqual([]);
    expect(await world.scratch()).toEqual([]);
  });

  it('where this machine has no encoder for it', async () => {
    const { ffmpeg } = world.tools;
    const without = { ...ffmpeg, encoders: async () => new Map([['libx264', 'fails']]) };
    const run = world.run('transcode', await source(), { copy: false }, {}, { ffmpeg: without });

    await expect(run).rejects.toMatchObject({
      code: 'ENCODER_MISSING',
      message: expect.stringContaining('libx264'),
    });
  });

  it.each([
    [{ container: 'webm', video: 'h264' }, 'webm carries no h264'],
    [{ container: 'mp3', audio: 'aac' }, 'mp3 carries no aac'],
    [{ container: 'm4a', audio: 'none' }, 'neither pictures nor sound'],
  ])('of %j: the recipe is refused', async (params, why) => {
    await expect(world.run('transcode', await source(), params)).rejects.toThrow(why);
  });

  it('of a silent film as sound alone', async () => {
    const path = await world.make('silent.mp4', ...film('64x64', 1));
    await expect(world.run('transcode', path, { container: 'mp3' })).rejects.toMatchObject({
      code: 'STREAM_MISSING',
    });
  });
});
