import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type AudioFilter, filterText, type VideoFilter } from './filters.ts';
import { fileUrl } from './probe.ts';
import { planesOf, sampleFormatOf } from './raw-formats.ts';

/** A stream whose frames are wanted, with what is done to them before. */
export type WantedStream =
  | { readonly index: number; readonly video: readonly VideoFilter[] }
  | { readonly index: number; readonly audio: readonly AudioFilter[] };

/** One picture, or one piece of sound. */
export interface Frame {
  /** Counted from 0 in its stream, from the first one that is handed on. */
  readonly index: number;
  /** When it is shown, in the time base of its stream, and in seconds from the start of the source. */
  readonly pts: number;
  readonly timeS: number;
  /** As ffmpeg names it: `yuv420p`, `s16`. */
  readonly format: string;
  /** The planes of a picture; sound has one, its channels interleaved. */
  readonly planes: readonly Buffer[];
  readonly lineBytes: readonly number[];
  /** Of a picture. */
  readonly width: number;
  readonly height: number;
  readonly isKeyFrame: boolean;
  /** Of sound. */
  readonly samples: number;
  readonly sampleRateHz: number;
  readonly channels: number;
}

export interface Decoding {
  readonly path: string;
  readonly streams: readonly WantedStream[];
  /** Where the source begins, and of it the section that is wanted; in seconds. */
  readonly sourceStartS: number;
  readonly startS: number | undefined;
  readonly stopS: number | undefined;
  readonly signal: AbortSignal;
  readonly onFrame: (streamIndex: number, frame: Frame) => Promise<void>;
}

const MAX_COMPLAINTS = 20;
const FIRST_PIPE = 3;

/**
 * Hands on the frames of these streams, each stream in its order, as fast as they are taken: one ffmpeg with a pipe per stream, which waits
 * while a pipe is full. Of a stopped decoding the frame at hand is the last.
 */
export async function decode(decoding: Decoding): Promise<void> {
  const { streams, signal, onFrame, sourceStartS } = decoding;
  const killing = new AbortController();
  const pipes = streams.map(() => 'pipe' as const);
  const child = spawn('ffmpeg', argumentsOf(decoding), {
    stdio: ['ignore', 'ignore', 'pipe', ...pipes],
    signal: AbortSignal.any([signal, killing.signal]),
    killSignal: 'SIGKILL',
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', (error) => (error.name === 'AbortError' ? undefined : reject(error)));
    child.on('close', (code) => resolve(code ?? 1));
  });
  const complaints: string[] = [];
  const facts = streams.map(() => createFactQueue());
  createInterface({ input: child.stdio[2] as Readable })
    .on('line', (line) => {
      const [, place, text = ''] = line.match(/^\[a?showinfo@s(\d+) @ \w+\] (n:.*)$/) ?? [];
      if (place !== undefined) facts[Number(place)]?.add(text);
      else if (!line.startsWith('[showinfo@') && !line.startsWith('[ashowinfo@')) {
        complaints.push(line);
        if (complaints.length > MAX_COMPLAINTS) complaints.shift();
      }
    })
    .on('close', () => facts.forEach((queue) => void queue.end()));

  async function follow(stream: WantedStream, place: number): Promise<void> {
    const pipe = child.stdio[FIRST_PIPE + place] as Readable;
    const bytes = createByteReader(pipe);
    try {
      for (let index = 0; ; index += 1) {
        const text = await facts[place]?.next();
        if (text === undefined) return;
        const frame = 'video' in stream ? pictureOf(text) : soundOf(text, stream.audio);
        const data = await bytes.read(frame.planeBytes.reduce((sum, size) => sum + size, 0));
        if (data === undefined || signal.aborted || killing.signal.aborted) return;
        const { planeBytes, ...rest } = frame;
        const timeS = Math.max(0, rest.timeS - sourceStartS);
        await onFrame(stream.index, { ...rest, index, timeS, planes: split(data, planeBytes) });
      }
    } finally {
      // What nobody reads any more would keep the process from counting as closed.
      pipe.destroy();
    }
  }

  try {
    await Promise.all([...streams.map(follow), ended]);
  } catch (error) {
    killing.abort();
    throw error;
  }
  if (!signal.aborted && (await ended) !== 0) throw new Error(`ffmpeg: ${complaintOf(complaints)}`);
}

function argumentsOf({ path, streams, sourceStartS, startS, stopS }: Decoding): string[] {
  const trim = Object.entries({ start: startS, end: stopS })
    .filter(([, atS]) => atS !== undefined)
    .map(([name, atS]) => `${name}=${sourceStartS + Number(atS)}`)
    .join(':');
  const outputs = streams.flatMap((stream, place) => {
    const isVideo = 'video' in stream;
    const raw = isVideo ? undefined : sampleFormatOf(sampleNamesIn(stream.audio));
    const filters: readonly (VideoFilter | AudioFilter)[] = isVideo ? stream.video : stream.audio;
    const chain = [
      ...(trim === '' ? [] : [`${isVideo ? 'trim' : 'atrim'}=${trim}`]),
      ...filters.map(filterText),
      ...(raw === undefined ? [] : [`aformat=sample_fmts=${raw.name}`]),
      isVideo ? `showinfo@s${place}=checksum=0` : `ashowinfo@s${place}`,
    ];
    const output = raw === undefined ? ['-fps_mode', 'passthrough', '-f', 'rawvideo'] : ['-f', raw.muxer];
    return [
      ...['-map', `0:${stream.index}`, '-filter', chain.join(','), ...output],
      `pipe:${FIRST_PIPE + place}`,
    ];
  });
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'info', '-copyts'],
    ...(startS === undefined ? [] : ['-noaccurate_seek', '-ss', String(startS)]),
    ...['-i', fileUrl(path), ...outputs],
  ];
}

function sampleNamesIn(filters: readonly AudioFilter[]): readonly string[] {
  return filters.flatMap((filter) =>
    'audioFormat' in filter ? (filter.audioFormat.sampleFormats ?? []) : [],
  );
}

type FrameFacts = Omit<Frame, 'planes' | 'index'> & { readonly planeBytes: readonly number[] };

/** What ffmpeg says of a picture that it is about to write. */
function pictureOf(text: string): FrameFacts {
  const [width = 0, height = 0] = factOf(text, 's').split('x').map(Number);
  const format = factOf(text, 'fmt');
  const planes = planesOf(format, width, height);
  return {
    pts: Number(factOf(text, 'pts')),
    timeS: Number(factOf(text, 'pts_time')),
    format,
    lineBytes: planes.map(({ lineBytes }) => lineBytes),
    planeBytes: planes.map(({ lineBytes, lines }) => lineBytes * lines),
    width,
    height,
    isKeyFrame: factOf(text, 'iskey') === '1',
    samples: 0,
    sampleRateHz: 0,
    channels: 0,
  };
}

function soundOf(text: string, filters: readonly AudioFilter[]): FrameFacts {
  const { name, sampleBytes } = sampleFormatOf(sampleNamesIn(filters));
  const [samples, channels] = [Number(factOf(text, 'nb_samples')), Number(factOf(text, 'channels'))];
  const bytes = samples * channels * sampleBytes;
  return {
    pts: Number(factOf(text, 'pts')),
    timeS: Number(factOf(text, 'pts_time')),
    format: name,
    lineBytes: [bytes],
    planeBytes: [bytes],
    width: 0,
    height: 0,
    isKeyFrame: true,
    samples,
    sampleRateHz: Number(factOf(text, 'rate')),
    channels,
  };
}

function factOf(text: string, name: string): string {
  const [, value] = text.match(new RegExp(`(?:^|\\s)${name}:\\s*(\\S+)`)) ?? [];
  if (value === undefined) throw new Error(`ffmpeg tells no ${name} of a frame: ${text}`);
  return value;
}

function split(data: Buffer, sizes: readonly number[]): Buffer[] {
  let at = 0;
  return sizes.map((size) => {
    at += size;
    return data.subarray(at - size, at);
  });
}

/** What is said of frames, in the order in which they come. */
function createFactQueue() {
  const waiting: string[] = [];
  let isEnded = false;
  let wake: (() => void) | undefined;
  return {
    add(text: string) {
      waiting.push(text);
      wake?.();
    },
    end() {
      isEnded = true;
      wake?.();
    },
    async next(): Promise<string | undefined> {
      while (waiting.length === 0 && !isEnded) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return waiting.shift();
    },
  };
}

/** Reads so many bytes at a time; `undefined` once there are fewer. */
function createByteReader(pipe: Readable) {
  const chunks = pipe[Symbol.asyncIterator]();
  let rest: Buffer[] = [];
  let restBytes = 0;
  pipe.on('error', () => undefined);
  return {
    async read(bytes: number): Promise<Buffer | undefined> {
      while (restBytes < bytes) {
        const { value, done } = await chunks.next();
        if (done === true) return undefined;
        rest.push(value);
        restBytes += value.length;
      }
      const all = rest.length === 1 && rest[0] !== undefined ? rest[0] : Buffer.concat(rest);
      rest = [all.subarray(bytes)];
      restBytes -= bytes;
      return all.subarray(0, bytes);
    },
  };
}

/** The first thing that went wrong: what follows it is about what it brought with it. */
function complaintOf(complaints: readonly string[]): string {
  const first = complaints.find((line) => /error|invalid|no such|cannot|fail|match/i.test(line));
  return (first ?? complaints.at(-1) ?? 'it has ended').trim();
}
