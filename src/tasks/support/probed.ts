import { z } from 'zod';
import { perSecond, rateOf } from '../../domain/media/media-file.ts';
import { parseJson } from '../../lib/json.ts';

/** What is in a file of media, as ffprobe says it. */
export interface Probed {
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

/** What ffprobe is asked for. */
export const PROBED_ENTRIES = [
  'format=format_name,duration,bit_rate',
  'stream=codec_type,codec_name,width,height,avg_frame_rate,channels,channel_layout,sample_rate,bit_rate',
  'stream_disposition=attached_pic',
  'stream_side_data=rotation',
].join(':');

/** Reads what ffprobe says of a file of this length; `undefined`: nobody can. */
export function readProbed(text: string, bytes: number): Probed | undefined {
  const answer = answerShape.safeParse(parseJson(text));
  if (!answer.success) return undefined;
  const { format, streams } = answer.data;
  return {
    container: format.format_name,
    durationS: format.duration,
    bytes,
    bitsPerS: format.bit_rate,
    streams: streams.map(readStream),
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
