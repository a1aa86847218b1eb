import { z } from 'zod';

/** A number of frames per second as files have it: 30000/1001. */
export interface FrameRate {
  readonly over: number;
  readonly under: number;
}

/** What is known of a file of audio or video without decoding it. Nearly all of it can be missing. */
export interface MediaFile {
  /** By ffprobe's names: `mov,mp4,m4a,3gp,3g2,mj2`. */
  readonly container: string;
  /** As the file says it; `undefined` where it does not, and of a file whose length is only guessed from its first and last times. */
  readonly durationS: number | undefined;
  readonly bitsPerS: number | undefined;
  readonly streamCount: number;
  /** The film that players show: the one that the file marks as usual, else the first. A picture that belongs to a song is none. */
  readonly video: VideoStream | undefined;
  /** The sound that players play, in the same way. */
  readonly audio: AudioStream | undefined;
}

export interface VideoStream {
  /** Among all streams of the file. */
  readonly index: number;
  readonly codec: string;
  readonly level: number | undefined;
  /** As it is stored: before it is turned, and with pixels that may not be square. */
  readonly widthPx: number;
  readonly heightPx: number;
  /** Width over height of a pixel. */
  readonly pixelAspect: number;
  /** How far players turn it, by the clock: 0, 90, 180 or 270. */
  readonly turnedDegrees: number;
  readonly pixelFormat: string | undefined;
  readonly isFullRange: boolean;
  /** How its brightness is meant, by ffprobe's names: `smpte2084` is HDR. */
  readonly transfer: string | undefined;
  /** How its colours are meant, in the same way. */
  readonly primaries?: string | undefined;
  readonly matrix?: string | undefined;
  readonly isInterlaced: boolean;
  /** The lowest rate in which all its times fit, and how many frames there really are per second. */
  readonly nominalRate: FrameRate | undefined;
  readonly averageRate: FrameRate | undefined;
  readonly bitsPerS: number | undefined;
  readonly startS: number;
  /** As the file says it of this stream. */
  readonly durationS?: number | undefined;
}

export interface AudioStream {
  readonly index: number;
  readonly codec: string;
  readonly profile: string | undefined;
  readonly channels: number;
  readonly sampleRateHz: number | undefined;
  readonly bitsPerS: number | undefined;
  readonly startS: number;
  readonly durationS?: number | undefined;
}

/** What ffprobe is asked, as `-show_entries` has it. */
export const PROBE_ENTRIES = [
  'format=format_name,start_time,duration,bit_rate',
  'stream=index,codec_type,codec_name,profile,level,width,height,sample_aspect_ratio,pix_fmt,color_range,color_transfer,color_primaries,color_space,field_order,r_frame_rate,avg_frame_rate,bit_rate,start_time,channels,sample_rate,duration',
  'stream_disposition=attached_pic,default',
  'stream_tags=rotate',
  'stream_side_data=rotation',
].join(':');

const number = z.coerce.number().optional().catch(undefined);
const text = z.string().optional().catch(undefined);

const answerShape = z.object({
  format: z.object({ format_name: z.string(), start_time: number, duration: number, bit_rate: number }),
  streams: z
    .array(
      z.object({
        index: z.number(),
        codec_type: text,
        codec_name: text,
        profile: text,
        level: number,
        width: number,
        height: number,
        sample_aspect_ratio: text,
        pix_fmt: text,
        color_range: text,
        color_transfer: text,
        color_primaries: text,
        color_space: text,
        field_order: text,
        r_frame_rate: text,
        avg_frame_rate: text,
        bit_rate: number,
        start_time: number,
        channels: number,
        sample_rate: number,
        duration: number,
        disposition: z.object({ attached_pic: number, default: number }).optional().catch(undefined),
        tags: z.object({ rotate: number }).optional().catch(undefined),
        side_data_list: z
          .array(z.looseObject({ rotation: number }))
          .catch([])
          .default([]),
      }),
    )
    .default([]),
});

type Stream = z.output<typeof answerShape>['streams'][number];

/** Reads what ffprobe says of a file, as JSON; `undefined` if nobody could read that. */
export function readMediaFile(answer: string): MediaFile | undefined {
  const parsed = answerShape.safeParse(parseJson(answer));
  if (!parsed.success) return undefined;
  const { format } = parsed.data;
  const isOneOf = (names: readonly string[]) =>
    format.format_name.split(',').some((name) => names.includes(name));
  const isGuessed = isOneOf(WITHOUT_LENGTH);
  const streams = parsed.data.streams.map((stream) =>
    isGuessed ? { ...stream, duration: undefined } : stream,
  );
  const video = usualOf(streams.filter(isFilm));
  const audio = usualOf(
    streams.filter((stream) => stream.codec_type === 'audio' && (stream.channels ?? 0) > 0),
  );
  const beforeS = isOneOf(COUNTED_FROM_NOUGHT) ? Math.max(0, format.start_time ?? 0) : 0;
  const whole = isGuessed || format.duration === undefined ? undefined : format.duration - beforeS;
  const durations = [whole, video?.duration, audio?.duration];
  return {
    container: format.format_name,
    durationS: durations.find((each) => each !== undefined && each > 0),
    bitsPerS: format.bit_rate,
    streamCount: streams.length,
    video: video && readVideo(video),
    audio: audio && readAudio(audio),
  };
}

/** Of files that do not say how long they are ffprobe subtracts the first time from the last: wrong where times jump between. */
const WITHOUT_LENGTH = ['mpegts', 'mpeg'];

/** Files whose length is their last time, whatever time they begin at. */
const COUNTED_FROM_NOUGHT = ['matroska', 'mov'];

function usualOf(streams: readonly Stream[]): Stream | undefined {
  return streams.find(({ disposition }) => disposition?.default === 1) ?? streams[0];
}

function isFilm({ codec_type: type, disposition, width = 0, height = 0 }: Stream): boolean {
  return type === 'video' && disposition?.attached_pic !== 1 && width > 0 && height > 0;
}

function readVideo(stream: Stream): VideoStream {
  const rotation = stream.side_data_list.find((each) => each.rotation !== undefined)?.rotation;
  // ffprobe counts against the clock, and the older tag with it.
  const turned = rotation === undefined ? (stream.tags?.rotate ?? 0) : -rotation;
  return {
    index: stream.index,
    codec: stream.codec_name ?? 'unknown',
    level: stream.level,
    widthPx: stream.width ?? 0,
    heightPx: stream.height ?? 0,
    pixelAspect: aspectOf(stream.sample_aspect_ratio),
    turnedDegrees: (((Math.round(turned / 90) * 90) % 360) + 360) % 360,
    pixelFormat: stream.pix_fmt,
    isFullRange: stream.color_range === 'pc' || /^yuvj/.test(stream.pix_fmt ?? ''),
    transfer: stream.color_transfer,
    primaries: stream.color_primaries,
    matrix: stream.color_space,
    isInterlaced: ['tt', 'bb', 'tb', 'bt'].includes(stream.field_order ?? ''),
    nominalRate: rateOf(stream.r_frame_rate),
    averageRate: rateOf(stream.avg_frame_rate),
    bitsPerS: stream.bit_rate,
    startS: stream.start_time ?? 0,
    durationS: stream.duration,
  };
}

function readAudio(stream: Stream): AudioStream {
  return {
    index: stream.index,
    codec: stream.codec_name ?? 'unknown',
    profile: stream.profile,
    channels: stream.channels ?? 0,
    sampleRateHz: stream.sample_rate,
    bitsPerS: stream.bit_rate,
    startS: stream.start_time ?? 0,
    durationS: stream.duration,
  };
}

/** How large it is where it is watched: turned, and with square pixels. */
export function shownSize(video: VideoStream): { readonly widthPx: number; readonly heightPx: number } {
  const widthPx = video.widthPx * video.pixelAspect;
  const isOnItsSide = video.turnedDegrees % 180 === 90;
  return isOnItsSide ? { widthPx: video.heightPx, heightPx: widthPx } : { widthPx, heightPx: video.heightPx };
}

export function perSecond({ over, under }: FrameRate): number {
  return over / under;
}

/** `30000/1001`; `0/0` of what has no frames is none. */
export function rateOf(fraction: string | undefined): FrameRate | undefined {
  const [over = 0, under = 0] = (fraction ?? '').split('/').map(Number);
  return over > 0 && under > 0 ? { over, under } : undefined;
}

/** `4:3`; what is missing or `0:1` is taken for square. */
function aspectOf(ratio: string | undefined): number {
  const [over = 0, under = 0] = (ratio ?? '').split(':').map(Number);
  return over > 0 && under > 0 ? over / under : 1;
}

function parseJson(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return undefined;
  }
}
