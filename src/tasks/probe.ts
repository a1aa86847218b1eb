import { open } from 'node:fs/promises';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { perSecond, rateOf } from '../domain/media/media-file.ts';
import type { TaskShape } from '../domain/recipe.ts';
import type { Task } from '../engine/task.ts';
import type { Tools } from './support/tools.ts';

export const shape = {
  name: 'probe',
  label: 'Probe',
  lane: 'media',
  takes: { file: 'proved' },
} as const satisfies TaskShape;

/** What is in a file of media, as ffprobe says it. */
interface Fact {
  readonly container: string;
  readonly durationS: number | null;
  readonly bytes: number;
  readonly streams: readonly Stream[];
}

interface Stream {
  readonly kind: string;
  readonly codec: string | null;
  readonly widthPx: number | null;
  readonly heightPx: number | null;
  readonly framesPerS: number | null;
  readonly rotationDegrees: number | null;
  readonly channels: number | null;
}

const numberOrNull = z.coerce.number().nullable().catch(null).default(null);

const answerShape = z.object({
  format: z.object({ format_name: z.string(), duration: numberOrNull }),
  streams: z.array(
    z.object({
      codec_type: z.string().default('unknown'),
      codec_name: z.string().nullable().default(null),
      width: numberOrNull,
      height: numberOrNull,
      avg_frame_rate: z.string().default(''),
      channels: numberOrNull,
      side_data_list: z.array(z.looseObject({ rotation: numberOrNull })).default([]),
    }),
  ),
});

const ENTRIES =
  'format=format_name,duration:stream=codec_type,codec_name,width,height,avg_frame_rate,channels:stream_side_data=rotation';

/**
 * Looks at what a file holds: container, streams, duration, size, rotation, frame rate. Makes nothing.
 *
 * Safe to repeat: it only reads.
 */
export function makeTask({
  ffprobe,
}: Pick<Tools, 'ffprobe'>): Omit<Task<unknown, Fact, never>, keyof TaskShape> {
  return {
    async run(context) {
      const { path, totalBytes } = await context.take('file');
      if (ffprobe === undefined) throw missing('FFPROBE is none');
      const handle = await open(path, 'r');
      let text: string | undefined;
      try {
        text = await ffprobe.show(handle, ENTRIES);
      } finally {
        await handle.close();
      }
      context.signal.throwIfAborted();
      if (text === undefined) throw missing('ffprobe is not there, or says nothing of this file');
      const answer = answerShape.safeParse(parsed(text));
      if (!answer.success) throw missing('ffprobe says what nobody can read');
      const { format, streams } = answer.data;
      return {
        container: format.format_name,
        durationS: format.duration,
        bytes: totalBytes,
        streams: streams.map((stream) => {
          const rate = rateOf(stream.avg_frame_rate);
          return {
            kind: stream.codec_type,
            codec: stream.codec_name,
            widthPx: stream.width,
            heightPx: stream.height,
            framesPerS: rate === undefined ? null : perSecond(rate),
            rotationDegrees:
              stream.side_data_list.find(({ rotation }) => rotation !== null)?.rotation ?? null,
            channels: stream.channels,
          };
        }),
      };
    },
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
