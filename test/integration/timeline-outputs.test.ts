import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { film, H264, type MediaWorld, openMediaWorld, TONE, tileAt } from '../support/media-world.ts';

let world: MediaWorld;

beforeAll(async () => {
  world = await openMediaWorld();
});
afterEach(() => world.empty());
afterAll(() => world.close());

const AT = 'runs/rec_1/step/1/';

/** Five seconds each of red, green and blue, and two of white, whose keyframes are so many seconds apart. */
const colours = (gapS: number) =>
  world.make(
    `colours-${gapS}.mp4`,
    ...['red', 'lime', 'blue'].flatMap((colour) => [
      '-f',
      'lavfi',
      '-i',
      `color=${colour}:s=128x72:r=25:d=5`,
    ]),
    ...['-f', 'lavfi', '-i', 'color=white:s=128x72:r=25:d=2'],
    ...['-filter_complex', '[0][1][2][3]concat=n=4', ...H264, '-g', String(25 * gapS), '-sc_threshold', '0'],
  );

describe('a sprite', () => {
  it.each([
    [1, true],
    [20, false],
  ])(
    'has a picture for each interval, of a film with a keyframe each %d s',
    async (gapS, hasKeyframesOnly) => {
      const params = { intervalS: 5, width: 64, columns: 3, rows: 1 };
      const { fact } = await world.run('sprite', await colours(gapS), params);

      expect(fact).toMatchObject({ pictures: 4, widthPx: 64, heightPx: 36, hasKeyframesOnly });
      expect(fact.outputs.map(({ key, mediaType }) => [key, mediaType])).toEqual([
        [`${AT}sprite-001.jpg`, 'image/jpeg'],
        [`${AT}sprite-002.jpg`, 'image/jpeg'],
        [`${AT}sprite.vtt`, 'text/vtt'],
      ]);
      const tile = (sheet: string, x: number) => tileAt(world.at(`${AT}${sheet}`), { x, y: 0, w: 64, h: 36 });
      expect(await tile('sprite-001.jpg', 0)).toMatchObject({ name: 'red' });
      expect(await tile('sprite-001.jpg', 64)).toMatchObject({ name: 'green' });
      expect(await tile('sprite-001.jpg', 128)).toMatchObject({ name: 'blue' });
      expect(await tile('sprite-002.jpg', 0)).toMatchObject({ name: 'white' });
      expect(await world.text(`${AT}sprite.vtt`)).toMatch(
        /00:00:15\.000 --> 00:00:17\.000\nsprite-002\.jpg#xywh=0,0,64,36\n$/,
      );
      expect(await world.scratch()).toEqual([]);
    },
  );

  it('shows the last picture where the sound goes on', async () => {
    const path = await world.make(
      'still.mp4',
      ...['-f', 'lavfi', '-i', 'color=blue:s=64x64:r=25:d=2', ...TONE(12), ...H264, '-c:a', 'aac'],
    );
    const { fact } = await world.run('sprite', path, { columns: 3, rows: 1, width: 64 });

    expect(fact['pictures']).toBe(3);
    const last = { x: 128, y: 0, w: 64, h: 64 };
    expect(await tileAt(world.at(`${AT}sprite-001.jpg`), last)).toMatchObject({ name: 'blue' });
  });
});

/** Three seconds of sound: silent, quiet, loud. */
const swelling = () =>
  world.make(
    'swelling.wav',
    ...['-f', 'lavfi', '-i', "aevalsrc='sin(440*2*PI*t)*if(lt(t,1),0,if(lt(t,2),0.2,0.8))':s=48000:d=3"],
  );

interface Wave {
  readonly duration_s: number;
  readonly peaks: readonly number[];
}

describe('a waveform', () => {
  const wave = async () => JSON.parse(await world.text(`${AT}waveform.json`)) as Wave;

  it('has exactly as many peaks as are asked for, the loudest 1', async () => {
    const { fact } = await world.run('waveform', await swelling(), { peaks: 30 });

    const { duration_s, peaks } = await wave();
    expect(duration_s).toBeCloseTo(3, 2);
    expect(peaks).toHaveLength(30);
    expect(Math.max(...peaks)).toBe(1);
    expect(peaks.slice(1, 9).every((peak) => peak < 0.01)).toBe(true);
    expect(peaks.slice(11, 19).every((peak) => Math.abs(peak - 0.25) < 0.03)).toBe(true);
    expect(fact.outputs).toMatchObject([{ key: `${AT}waveform.json`, mediaType: 'application/json' }]);
    expect(await world.scratch()).toEqual([]);
  });

  it('goes over the whole film where its sound ends before', async () => {
    const path = await world.make('short-sound.mp4', ...film('64x64', 4, TONE(2)), '-c:a', 'aac');
    await world.run('waveform', path, { peaks: 40 });

    const { duration_s, peaks } = await wave();
    expect(duration_s).toBeCloseTo(4, 1);
    expect(peaks[10]).toBeGreaterThan(0.8);
    expect(peaks.slice(22).every((peak) => peak === 0)).toBe(true);
  });
});

describe('nothing is made', () => {
  it.each([
    [
      'sprite',
      'a text',
      'NOT_MEDIA',
      () => world.write('text.mp4', 'Dear tutor, the recording is attached.'),
    ],
    [
      'waveform',
      'a text',
      'NOT_MEDIA',
      () => world.write('text.mp4', 'Dear tutor, the recording is attached.'),
    ],
    ['sprite', 'sound alone', 'STREAM_MISSING', swelling],
    ['waveform', 'a silent film', 'STREAM_MISSING', () => colours(1)],
  ] as const)('by %s of %s: %s', async (task, _what, code, source) => {
    await expect(world.run(task, await source())).rejects.toMatchObject({ code, retry: 'never' });

    expect(await world.keys()).toEqual([]);
    expect(await world.scratch()).toEqual([]);
  });
});
