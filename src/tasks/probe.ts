import { open } from 'node:fs/promises';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { perSecond, rateOf } from '../domain/media/media-file.ts';
import { LOOK_LANE, type TaskShape } from '../domain/recipe.ts';
import type { Task } from '../engine/task.ts';
import { noPictures } from './support/media-input.ts';
import type { Tools } from './support/tools.ts';

const paramsShape = z.strictObject({
  requires: z
    .literal('pictures')
    .optional()
    .describe('Fail where the file has no moving pictures, before anything is made of it'),
});

export const shape = {
  name: 'probe',
  label: 'Probe',
  lane: LOOK_LANE,
  params: paramsShape,
  takes: { file: 'proved' },
} as const satisfies TaskShape;

type Params = z.output<typeof paramsShape>;

/** What is in a file of media, as ffprobe says it. */
interface Fact {
  readonly container: string;
  readonly durationS: number | null;
  readonly bytes: number;
  readonly bitsPerS: number | null;
  readonly streams: readonly Stream[];
}

interface Stream {
  readonly kind: string;
  readonly codec: string | null;
  readonly widthPx: number | null;
  readonly heightPx: number | null;
  readonly framesPerS: number | null;
  /** The same as the file has it: `30000/1001`. */
  readonly frameRate: string | null;
  readonly rotationDegrees: number | null;
  readonly channels: number | null;
  /** By ffprobe's names: `stereo`, `5.1(side)`. */
  readonly channelLayout: string | null;
  readonly sampleRateHz: number | null;
  readonly bitsPerS: number | null;
  /** It is a picture that belongs to the file, such as the cover of a song, and no film. */
  readonly isCover: boolean;
}

const numberOrNull = z.coerce.number().nullable().catch(null).default(null);
const textOrNull = z.string().nullable().catch(null).default(null);

const answerShape = z.object({
  format: z.object({ format_name: z.string(), duration: numberOrNull, bit_rate: numberOrNull }),
  streams: z.array(
    z.object({
      codec_type: z.string().default('unknown'),
      codec_name: textOrNull,
      width: numberOrNull,
      height: numberOrNull,
      avg_frame_rate: z.string().default(''),
      channels: numberOrNull,
      channel_layout: textOrNull,
      sample_rate: numberOrNull,
      bit_rate: numberOrNull,
      disposition: z.object({ attached_pic: z.number() }).partial().catch({}).default({}),
      side_data_list: z.array(z.looseObject({ rotation: numberOrNull })).default([]),
    }),
  ),
});

const ENTRIES = [
  'format=format_name,duration,bit_rate',
  'stream=codec_type,codec_name,width,height,avg_frame_rate,channels,channel_layout,sample_rate,bit_rate',
  'stream_disposition=attached_pic',
  'stream_side_data=rotation',
].join(':');

/**
 * Looks at what a file holds: container, streams, duration, size, rotation, frame rate. Makes nothing.
 *
 * Safe to repeat: it only reads.
 */
export function makeTask({
  ffprobe,
  ffmpeg,
}: Pick<Tools, 'ffprobe' | 'ffmpeg'>): Omit<Task<Params, Fact, never>, keyof TaskShape> {
  return {
    async run(context) {
      const { params, signal } = context;
      const { path, totalBytes } = await context.take('file');
      if (ffprobe === undefined) throw missing('FFPROBE is none');
      const handle = await open(path, 'r');
      let text: string | undefined;
      try {
        text = await ffprobe.show(handle, ENTRIES);
      } finally {
        await handle.close();
      }
      signal.throwIfAborted();
      if (text === undefined) {
        // Of one that is broken ffmpeg says so in words.
        await ffmpeg?.run({
          args: [...(await ffmpeg.input(path)), '-t', '0', '-f', 'null', '-'],
          signal,
        });
        throw missing('ffprobe is not there, or says nothing of this file');
      }
      const answer = answerShape.safeParse(parsed(text));
      if (!answer.success) throw missing('ffprobe says what nobody can read');
      const { format, streams } = answer.data;
      const found = streams.map(readStream);
      const hasPictures = found.some(({ kind, isCover }) => kind === 'video' && !isCover);
      if (params.requires === 'pictures' && !hasPictures) throw noPictures();
      return {
        container: format.format_name,
        durationS: format.duration,
        bytes: totalBytes,
        bitsPerS: format.bit_rate,
        streams: found,
      };
    },
  };
}

function readStream(stream: z.output<typeof answerShape>['streams'][number]): Stream {
  const { codec_type: kind, side_data_list: sideData } = stream;
  const rate = rateOf(stream.avg_frame_rate);
  return {
    kind,
    codec: stream.codec_name,
    widthPx: stream.width,
    heightPx: stream.height,
    framesPerS: rate === undefined ? null : perSecond(rate),
    frameRate: rate === undefined ? null : stream.avg_frame_rate,
    rotationDegrees: sideData.find(({ rotation }) => rotation !== null)?.rotation ?? null,
    channels: stream.channels,
    channelLayout: stream.channel_layout,
    sampleRateHz: stream.sample_rate,
    bitsPerS: stream.bit_rate,
    isCover: stream.disposition.attached_pic === 1,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function missing(why: string): KnownError {
  return new KnownError(`The file cannot be probed: ${why}`, { code: 'TOOL_MISSING', retry: 'backoff' });
}
