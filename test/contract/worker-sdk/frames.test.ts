import { execFile } from 'node:child_process';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WantedStream } from '../../../packages/worker-sdk/src/frames/decode.ts';
import { filterText } from '../../../packages/worker-sdk/src/frames/filters.ts';
import {
  type FrameWorkerDefinition,
  frameParameters,
  frameWorker,
} from '../../../packages/worker-sdk/src/frames/frame-worker.ts';
import { createWorker } from '../../../packages/worker-sdk/src/worker.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
const WIDTH = 64;
const HEIGHT = 36;

let folder: string;
let film: string;

/** Two seconds of white, one of black, two of white, 10 pictures a second, with a tone in the first half. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frames-'));
  film = join(folder, 'film.mkv');
  const white = `color=white:s=${WIDTH}x${HEIGHT}:r=10`;
  const pictures = `${white}:d=2[a];color=black:s=${WIDTH}x${HEIGHT}:r=10:d=1[b];${white}:d=2[c];[a][b][c]concat=n=3[v]`;
  const sound = `sine=r=48000:d=2.5,apad=whole_dur=5[s]`;
  await run('ffmpeg', [
    ...['-v', 'error', '-y', '-filter_complex', `${pictures};${sound}`, '-map', '[v]', '-map', '[s]'],
    ...['-c:v', 'libx264', '-g', '20', '-pix_fmt', 'yuv420p', '-c:a', 'pcm_s16le', film],
  ]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let jobs = 0;

/** Has a worker of frames do one job; gives back its result, and what it logged. */
async function look(
  definition: Pick<
    FrameWorkerDefinition<typeof frameParameters>,
    'initProcess' | 'processFrame' | 'endProcess'
  >,
  more: Record<string, string | number> = {},
) {
  jobs += 1;
  const [order, destination, facts] = ['order', 'result', 'package'].map((name) =>
    join(folder, `${name}-${jobs}.json`),
  ) as [string, string, string];
  await writeFile(facts, JSON.stringify({ name: 'frames', version: '1.0.0' }));
  const parameters = Object.entries({ source_path: film, destination_path: destination, ...more }).map(
    ([id, value]) => ({ id, type: typeof value === 'number' ? 'integer' : 'string', value }),
  );
  await writeFile(order, JSON.stringify({ job_id: jobs, parameters }));
  const lines: string[] = [];
  const worker = createWorker(frameWorker({ package: facts, parameters: frameParameters, ...definition }), {
    env: { SOURCE_ORDERS: order },
    print: () => undefined,
    writeLog: (line) => lines.push(line),
  });
  const exitCode = await worker.run();
  const log = lines.join('');
  return {
    exitCode,
    log,
    destination,
    text: await readFile(destination, 'utf8').catch(() => ''),
    progressions: [...log.matchAll(/"progression":(\d+)/g)].map(([, percent]) => Number(percent)),
  };
}

const pictures = (...video: Extract<WantedStream, { video: unknown }>['video']): WantedStream[] => [
  { index: 0, video },
];

describe('a worker of frames', () => {
  it('W48 needs a source and a destination among its parameters', async () => {
    const parameters = frameParameters.omit({ destination_path: true });

    expect(() =>
      frameWorker({ package: '', parameters, initProcess: () => [], processFrame: () => undefined }),
    ).toThrow('The parameters of a worker of frames lack destination_path');
  });

  it('W49 W51 W52 W54 W57 is told what the source is, sees each frame once, and writes what it says', async () => {
    const seen: unknown[] = [];
    const { exitCode, text, progressions } = await look({
      initProcess: (format) => {
        seen.push([
          format.durationS,
          format.streams.map(({ kind, width, sampleRateHz }) => [kind, width, sampleRateHz]),
        ]);
        return pictures();
      },
      processFrame: ({ index, pts, timeS, width, height, format, planes, lineBytes }) => {
        if (index === 1)
          seen.push([pts, timeS, width, height, format, planes.map(({ length }) => length), lineBytes]);
        return { index };
      },
      endProcess: () => void seen.push('end'),
    });

    expect(exitCode).toBe(0);
    expect(seen).toEqual([
      [
        5,
        [
          ['video', WIDTH, undefined],
          ['audio', undefined, 48_000],
        ],
      ],
      [100, 0.1, WIDTH, HEIGHT, 'yuv420p', [WIDTH * HEIGHT, 576, 576], [WIDTH, 32, 32]],
      'end',
    ]);
    expect(JSON.parse(text)).toEqual({ frames: Array.from({ length: 50 }, (_, index) => ({ index })) });
    expect(progressions).toEqual([...new Set(progressions)].sort((a, b) => a - b));
    expect(progressions).toContain(50);
  });

  it('W51 hands on sound with its pictures, each in its own order', async () => {
    const times: Record<number, number[]> = { 0: [], 1: [] };
    let samples = 0;
    const { exitCode } = await look({
      initProcess: () => [
        { index: 0, video: [] },
        { index: 1, audio: [{ audioFormat: { sampleRates: [16_000], sampleFormats: ['flt'] } }] },
      ],
      processFrame: (frame, { streamIndex }) => {
        times[streamIndex]?.push(frame.timeS);
        samples += frame.samples;
        if (frame.samples > 0) expect(frame.planes[0]).toHaveLength(frame.samples * 4);
        return undefined;
      },
    });

    expect(exitCode).toBe(0);
    expect(times[0]).toHaveLength(50);
    for (const each of Object.values(times)) expect(each).toEqual([...each].sort((a, b) => a - b));
    expect(samples).toBe(5 * 16_000);
  });

  it('W53 hands on the frames of a section alone, whichever key frame lies before it', async () => {
    const times: number[] = [];
    const { exitCode, progressions } = await look(
      {
        initProcess: () => pictures(),
        processFrame: ({ timeS }) => {
          times.push(timeS);
          return undefined;
        },
      },
      { sdk_start_index: 2500, sdk_stop_index: 3000 },
    );

    expect(exitCode).toBe(0);
    expect(times).toEqual([2.5, 2.6, 2.7, 2.8, 2.9]);
    expect(progressions).toContain(20);
  });

  it('W50 W51 hands on what the filters have made', async () => {
    const sizes = new Set<string>();
    await look({
      initProcess: () =>
        pictures(
          { crop: { left: 10, right: 22, top: 4, height: 16 } },
          { resize: { width: 20 } },
          { name: 'hflip' },
          { pixelFormats: 'gray' },
        ),
      processFrame: ({ width, height, format, planes }) => {
        sizes.add(`${width}x${height} ${format} ${planes[0]?.length}`);
        return undefined;
      },
    });

    expect([...sizes]).toEqual(['20x10 gray 200']);
  });

  it.each([
    [{ left: 1, width: 5, top: 2, height: 6 }, 'crop=out_w=5:out_h=6:x=1:y=2'],
    [{ left: 1, right: 2, top: 3, bottom: 4 }, 'crop=out_w=in_w-3:out_h=in_h-7:x=1:y=3'],
    [{ right: 2, width: 5, bottom: 4, height: 6 }, 'crop=out_w=5:out_h=6:x=in_w-7:y=in_h-10'],
  ])('W50 crops by two values on each axis: %j', (crop, text) => {
    expect(filterText({ crop })).toBe(text);
  });

  it('W50 refuses a crop that is not clear, and names and values that would end a filter', () => {
    expect(() => filterText({ crop: { left: 1, right: 1, width: 1, top: 1, bottom: 1 } })).toThrow(/two of/);
    expect(() => filterText({ name: 'hflip,movie' })).toThrow('no name of a filter');
    expect(filterText({ name: 'drawtext', parameters: { text: "a:b,c'd" } })).toBe(
      String.raw`drawtext=text=a\\:b\,c\\\'d`,
    );
  });

  it('W54 writes pieces of XML behind each other where there is no JSON, and JSON alone where there is', async () => {
    const say = (results: readonly (object | string | undefined)[]) =>
      look(
        { initProcess: () => pictures(), processFrame: ({ index }) => results[index] },
        { sdk_stop_index: 300 },
      );

    expect((await say(['<a/>', undefined, '<b/>'])).text).toBe('<a/><b/>');
    expect((await say(['<a/>', { b: 1 }, undefined])).text).toBe('{"frames":[{"b":1}]}\n');
    expect((await say([])).text).toBe('{"frames":[]}\n');
  });

  it.each([
    ['a source that is missing', { source_path: '/nowhere.mkv' }, pictures(), /nowhere.mkv.*No such file/],
    [
      'SRT',
      { source_path: 'srt://:5000' },
      pictures(),
      /srt:\/\/:5000: streams over SRT are not spoken here/,
    ],
    [
      'a stream of another kind',
      {},
      [{ index: 1, video: [] }],
      /Stream 1 of the source is audio, and no video/,
    ],
    ['no stream', {}, [], /No stream of the source is wanted/],
    ['a filter that is none', {}, pictures({ name: 'nonesuch' }), /ffmpeg: .*nonesuch/],
    ['a format that nobody knows', {}, pictures({ pixelFormats: 'pal8' }), /Pictures of the format pal8/],
  ] as const)('says what is wrong, and writes nothing: %s', async (_name, more, streams, words) => {
    const ends: string[] = [];
    const { exitCode, log, destination } = await look(
      {
        initProcess: () => streams,
        processFrame: () => undefined,
        endProcess: () => void ends.push('end'),
      },
      more,
    );

    expect(exitCode).toBe(1);
    expect(log).toMatch(words);
    await expect(access(destination)).rejects.toThrow();
    expect(ends.length).toBeLessThanOrEqual(1);
  });

  it('W47 W54 stops between two frames, and writes what it has by then', async () => {
    const stopper = new AbortController();
    const [facts, destination] = [join(folder, 'stopped-package.json'), join(folder, 'stopped.json')];
    const { process } = frameWorker({
      package: facts,
      parameters: frameParameters,
      initProcess: () => pictures({ resize: { width: 640, height: 360 } }),
      processFrame: ({ index }) => {
        if (index === 1) stopper.abort();
        return { index };
      },
    });
    const silent = () => undefined;
    const log = { debug: silent, info: silent, warn: silent, error: silent, ofJob: () => log };
    const outcome = await process({
      jobId: 1,
      parameters: { source_path: film, destination_path: destination },
      attempt: 1,
      signal: stopper.signal,
      isStopped: () => stopper.signal.aborted,
      progress: silent,
      log,
    });

    expect(outcome).toEqual({ destinationPaths: [destination] });
    expect(JSON.parse(await readFile(destination, 'utf8'))).toEqual({ frames: [{ index: 0 }, { index: 1 }] });
  });

  it('W52 ends what it has begun when a frame fails', async () => {
    const ends: string[] = [];
    const { exitCode, log } = await look({
      initProcess: () => pictures(),
      processFrame: ({ index }) => {
        if (index === 3) throw new Error('no idea what this is');
        return undefined;
      },
      endProcess: () => void ends.push('end'),
    });

    expect([exitCode, ends]).toEqual([1, ['end']]);
    expect(log).toContain('no idea what this is');
  });
});

describe('the examples of frames', () => {
  async function example(name: string): Promise<{ frames: Record<string, unknown>[] }> {
    const [order, destination] = [join(folder, `${name}-order.json`), join(folder, `${name}.json`)];
    const parameters = [
      { id: 'source_path', type: 'string', value: film },
      { id: 'destination_path', type: 'string', value: destination },
    ];
    await writeFile(order, JSON.stringify({ job_id: 1, parameters }));
    const worker = join(ROOT, 'packages/worker-sdk/examples', name, 'worker.ts');
    await run(process.execPath, ['--import', 'tsx', worker], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], SOURCE_ORDERS: order },
    });
    return JSON.parse(await readFile(destination, 'utf8'));
  }

  it('the black-frame finder finds the black pictures', async () => {
    const { frames } = await example('black-frames');

    expect(frames.map(({ timeS }) => timeS)).toEqual([2, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 2.8, 2.9]);
  });

  it('the transcription says where something is to be heard', async () => {
    const { frames } = await example('transcription');

    expect(frames.map(({ text }) => text)).toEqual([
      ...Array.from({ length: 5 }, () => '(speech)'),
      ...Array.from({ length: 5 }, () => ''),
    ]);
  });
});
