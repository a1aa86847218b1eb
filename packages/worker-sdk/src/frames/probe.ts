import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';

const PROBE_TIMEOUT_MS = 60_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const ratio = z.string().transform((text) => {
  const [above = 0, below = 1] = text.split('/').map(Number);
  return below === 0 ? 0 : above / below;
});
const seconds = z.coerce.number().optional();
const streamSchema = z.object({
  index: z.int(),
  codec_type: z.string().default('unknown'),
  codec_name: z.string().optional(),
  width: z.int().optional(),
  height: z.int().optional(),
  channels: z.int().optional(),
  sample_rate: z.coerce.number().optional(),
  nb_frames: z.coerce.number().optional(),
  avg_frame_rate: ratio.optional(),
  start_time: seconds,
  duration: seconds,
  tags: z.record(z.string(), z.string()).default({}),
});
const answerSchema = z.object({
  format: z.object({
    format_name: z.string(),
    format_long_name: z.string().default(''),
    start_time: seconds,
    duration: seconds,
    bit_rate: z.coerce.number().optional(),
    tags: z.record(z.string(), z.string()).default({}),
  }),
  streams: z.array(streamSchema),
});

/** One stream of a source. */
export interface SourceStream {
  readonly index: number;
  /** `video`, `audio`, `subtitle` or `data`. */
  readonly kind: string;
  readonly codec: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly framesPerS: number | undefined;
  readonly frames: number | undefined;
  readonly channels: number | undefined;
  readonly sampleRateHz: number | undefined;
  readonly durationS: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a source is, before the first frame of it is seen. */
export interface SourceFormat {
  readonly name: string;
  readonly longName: string;
  readonly startS: number | undefined;
  readonly durationS: number | undefined;
  readonly bitsPerS: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly streams: readonly SourceStream[];
}

/** A file as ffmpeg names it; what looks like an address or an option is the name of a file all the same. */
export function fileUrl(path: string): string {
  return `file:${path}`;
}

export async function probe(path: string, signal: AbortSignal): Promise<SourceFormat> {
  const args = ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', '-i', fileUrl(path)];
  let text: string;
  try {
    const options = { signal, timeout: PROBE_TIMEOUT_MS, maxBuffer: MAX_ANSWER_BYTES };
    text = (await promisify(execFile)('ffprobe', args, options)).stdout;
  } catch (error) {
    signal.throwIfAborted();
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new Error(`${path} cannot be read: ${said.split('\n').at(-1) || String(error)}`, { cause: error });
  }
  const { format, streams } = answerSchema.parse(JSON.parse(text));
  return {
    name: format.format_name,
    longName: format.format_long_name,
    startS: format.start_time,
    durationS: format.duration,
    bitsPerS: format.bit_rate,
    metadata: format.tags,
    streams: streams.map((stream) => ({
      index: stream.index,
      kind: stream.codec_type,
      codec: stream.codec_name,
      width: stream.width,
      height: stream.height,
      framesPerS: stream.avg_frame_rate,
      frames: stream.nb_frames,
      channels: stream.channels,
      sampleRateHz: stream.sample_rate,
      durationS: stream.duration,
      metadata: stream.tags,
    })),
  };
}
