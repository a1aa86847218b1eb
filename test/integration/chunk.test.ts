import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  colourAt,
  film,
  H264,
  type MediaWorld,
  openMediaWorld,
  TONE,
  tileAt,
} from '../support/media-world.ts';

let world: MediaWorld;

beforeAll(async () => {
  world = await openMediaWorld();
});
afterEach(() => world.empty());
afterAll(() => world.close());

const AT = 'runs/rec_1/step/1/';

/** Eleven seconds with sound, and a keyframe each two. */
const source = () =>
  world.make('source.mp4', ...film('128x72', 11, TONE(11)), '-sc_threshold', '0', '-c:a', 'aac');

interface Told {
  readonly pieces: readonly { readonly startS: number; readonly endS: number }[];
}

describe('pieces', () => {
  it('are cut at keyframes, brought one after another, and told of in their order', async () => {
    const { fact, notes } = await world.run('chunk', await source(), { seconds: 4 });

    const names = ['piece-00001.mp4', 'piece-00002.mp4', 'piece-00003.mp4'];
    expect(fact.outputs.map(({ key }) => key)).toEqual(names.map((name) => `${AT}${name}`));
    expect(fact['isExact']).toBe(false);
    const { pieces } = fact as unknown as Told;
    expect(pieces.map(({ startS }) => Math.round(startS))).toEqual([0, 4, 8]);
    expect(pieces.at(-1)?.endS).toBeCloseTo(11, 0);
    expect(notes.map(({ type, data }) => [type, (data as { index: number }).index])).toEqual([
      ['piece.made', 0],
      ['piece.made', 1],
      ['piece.made', 2],
    ]);
    expect(notes[1]?.data).toMatchObject({
      stage: 'step',
      key: `${AT}piece-00002.mp4`,
      bytes: expect.any(Number),
    });
    const second = await world.look(`${AT}piece-00002.mp4`);
    expect(second).toMatchObject({ video: { codec: 'h264' }, audio: { codec: 'aac' } });
    expect(second.durationS).toBeCloseTo(4, 0);
    expect(await world.scratch()).toEqual([]);
  });

  it('P29 are cut on while an earlier one is brought, and wait for their turn', async () => {
    const told: number[] = [];
    const isCut = expect.stringContaining('piece-00003.mp4');
    const note = async (_type: string, data: object) => {
      const { index } = data as { index: number };
      if (index === 0) await expect.poll(() => world.scratch()).toContainEqual(isCut);
      told.push(index);
    };

    await world.run('chunk', await source(), { seconds: 4 }, { note: note as never });

    expect(told).toEqual([0, 1, 2]);
    expect(await world.scratch()).toEqual([]);
  });

  it('that are exact are cut where no keyframe was', async () => {
    const { fact } = await world.run('chunk', await source(), { seconds: 3, exact: true });

    const { pieces } = fact as unknown as Told;
    expect(pieces.map(({ startS }) => Math.round(startS * 10) / 10)).toEqual([0, 3, 6, 9]);
    expect((await world.look(`${AT}piece-00002.mp4`)).durationS).toBeCloseTo(3, 1);
  });

  it('of sound alone are sound alone', async () => {
    const path = await world.make('sound.mp3', ...TONE(5), '-c:a', 'libmp3lame');
    const { fact } = await world.run('chunk', path, { seconds: 2 });

    expect(fact.outputs.map(({ key, mediaType }) => [key, mediaType])).toEqual(
      [1, 2, 3].map((number) => [`${AT}piece-0000${number}.mp3`, 'audio/mpeg']),
    );
  });

  it('P29 are none where there would be too many', async () => {
    const path = await world.make(
      'hour.mp3',
      ...TONE(2100),
      '-ar',
      '8000',
      '-b:a',
      '8k',
      '-c:a',
      'libmp3lame',
    );
    await expect(world.run('chunk', path, { seconds: 1 })).rejects.toMatchObject({
      code: 'PARAMS_UNFIT',
      message: expect.stringMatching(/21\d\d pieces of 1 s, and 2000 are the most/),
    });
  });

  it('that cannot be told of are taken back', async () => {
    const gone = new Error('the ledger is gone');
    const note = async () => {
      throw gone;
    };
    await expect(world.run('chunk', await source(), { seconds: 4 }, { note })).rejects.toBe(gone);

    expect(await world.keys()).toEqual([]);
    expect(await world.scratch()).toEqual([]);
  });
});

describe('a watermark', () => {
  const marksDir = () => join(world.sources, 'marks');
  const made = (mark: string, params: object = {}) =>
    blue().then((path) =>
      world.run('watermark', path, { mark, ...params }, {}, { settings: { marksDir: marksDir() } }),
    );
  const blue = () =>
    world.make(
      'blue.mp4',
      '-f',
      'lavfi',
      '-i',
      'color=blue:s=320x180:r=25:d=2',
      ...TONE(2),
      ...H264,
      '-c:a',
      'aac',
    );

  beforeAll(async () => {
    await mkdir(marksDir());
    for (const name of ['mark.png', 'mark.jpg', 'mark.webp']) {
      await world.make(`marks/${name}`, '-f', 'lavfi', '-i', 'color=red:s=100x100:d=0.04', '-frames:v', '1');
    }
    await world.write('marks/mark.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>');
    await symlink('/etc/hostname', join(marksDir(), 'led-away.png'));
  });

  it.each([
    ['top-left', 'mark.png', 26, 26],
    ['center', 'mark.jpg', 142, 72],
    ['bottom-right', 'mark.webp', 258, 118],
  ])('at %s (%s) is there from the first picture to the last', async (position, mark, x, y) => {
    const { fact } = await made(mark, { position });

    expect(fact).toMatchObject({ widthPx: 320, heightPx: 180, markWidthPx: 40 });
    const path = world.at(`${AT}watermarked.mp4`);
    expect(await tileAt(path, { x, y, w: 32, h: 32 })).toMatchObject({ name: 'red' });
    expect((await colourAt(path, 1.9, `crop=32:32:${x}:${y},`)).red).toBeGreaterThan(128);
    expect(await tileAt(path, { x: 80, y: 100, w: 20, h: 20 })).toMatchObject({ name: 'blue' });
    const { video, audio, durationS } = await world.look(`${AT}watermarked.mp4`);
    expect([video?.codec, video?.pixelFormat, audio?.codec]).toEqual(['h264', 'yuv420p', 'aac']);
    expect(durationS).toBeCloseTo(2, 1);
  });

  it.each([
    ['gone.png', 'is not there'],
    ['../blue.mp4', 'does not lie below'],
    ['/etc/hostname', 'is no path below'],
    ['led-away.png', 'does not lie below'],
    ['mark.svg', 'neither PNG nor JPEG nor WebP'],
    ['.', 'does not lie below'],
  ])('of %s is refused: it %s', async (mark, why) => {
    await expect(made(mark)).rejects.toMatchObject({
      code: 'MARK_MISSING',
      retry: 'never',
      message: expect.stringContaining(why),
    });

    expect(await world.keys()).toEqual([]);
    expect(await world.scratch()).toEqual([]);
  });

  it('is drawn on no sound', async () => {
    const path = await world.make('tone.m4a', ...TONE(1), '-c:a', 'aac');
    const settings = { marksDir: marksDir() };
    await expect(world.run('watermark', path, { mark: 'mark.png' }, {}, { settings })).rejects.toMatchObject({
      code: 'STREAM_MISSING',
    });
  });
});

it.each(['chunk', 'watermark'])('%s makes nothing of a text', async (task) => {
  const path = await world.write('text.mp4', 'Dear tutor, the recording is attached.');
  await expect(world.run(task, path, task === 'watermark' ? { mark: 'mark.png' } : {})).rejects.toMatchObject(
    {
      code: 'NOT_MEDIA',
    },
  );
});
