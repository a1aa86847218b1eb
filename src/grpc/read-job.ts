import type { DescEnum } from '@bufbuild/protobuf';
import type { NewJob } from '../desk/jobs.ts';
import { NAMED_RUNGS, type RungName } from '../domain/media/ladder.ts';
import { MOMENT_RULE, readMoment } from '../domain/media/time.ts';
import { isBucketName } from '../domain/output-address.ts';
import type { NewOutput } from '../domain/preset.ts';
import { MOST_WEBHOOK_URL_CHARACTERS, whyNoWebhook } from '../domain/webhook-url.ts';
import { malformed, refused } from './errors.ts';
import {
  type ConvertOptions,
  type CustomQuality,
  H264_AudioCodecSchema,
  H264_VideoCodecSchema,
  Hevc_AudioCodecSchema,
  Hevc_VideoCodecSchema,
  type JobRequest,
  type PlaylistOutput,
  Protocol,
  ProtocolSchema,
  QualityName,
  QualityNameSchema,
  type S3Input,
  type S3Output,
  type ThumbnailOutput,
  Vp9_AudioCodecSchema,
  Vp9_VideoCodecSchema,
  type Watermark,
  WatermarkPosition,
  WatermarkPositionSchema,
} from './stubs/streaming_pb.ts';

/** The buckets of what does not name one; `undefined`: each has to. */
export interface DefaultBuckets {
  readonly input: string | undefined;
  readonly output: string | undefined;
}

/** More outputs are several jobs. */
const MOST_OUTPUTS = 500;

const MOST_REFERENCE_CHARACTERS = 1000;

/** What the sound of a rendition is given, in bits per second, by the names of renditions. */
const AUDIO_BITS_PER_S: Readonly<Record<RungName, number>> = {
  R_144P: 64 * 1024,
  R_240P: 94 * 1024,
  R_360P: 128 * 1024,
  R_480P: 192 * 1024,
  R_720P: 320 * 1024,
  R_1080P: 320 * 1024,
  R_2K: 320 * 1024,
  R_4K: 320 * 1024,
};

const AUDIO_LIMITS = { min: 16_000, max: 512_000 };
const VIDEO_LIMITS = { min: 10_000, max: 100_000_000 };
const SIDE_LIMITS = { min: 16, max: 8192 };

/** Names an output of a job, as its clients do: by its kind and its place among those of the kind. */
export function outputId(kind: 'p' | 't' | 'wv', number: number, hasWatermark = false): string {
  return `${hasWatermark ? 'w' : ''}${kind}${number}`;
}

/**
 * Reads what is asked for: one step for each output, which goes where the caller has named.
 *
 * @throws ConnectError that says what is wrong; nothing is taken in then
 */
export function readJob(request: JobRequest, buckets: DefaultBuckets): NewJob {
  const { watermark, playlists, thumbnails, referenceId } = request;
  if (referenceId.length > MOST_REFERENCE_CHARACTERS) {
    throw malformed(`reference_id: has more than ${MOST_REFERENCE_CHARACTERS} characters`);
  }
  const input = inputAddress('video.s3_input', request.video?.s3Input, buckets);
  const outputs = [...playlists, ...thumbnails];
  if (outputs.length > MOST_OUTPUTS) {
    throw malformed(`${outputs.length} outputs are asked for, and ${MOST_OUTPUTS} are the most of a job`);
  }
  const hasOutput = outputs.length > 0 || watermark?.uploadTo !== undefined;
  if (!hasOutput) throw refused('ONE_OUTPUT_IS_REQUIRED', 'No output is asked for');

  const mark = markOf(
    watermark,
    outputs.some((output) => output.useWatermark),
    buckets,
  );
  const places = new Places(buckets);
  const planned: NewOutput[] = [
    ...playlists.map((output, at) => playlistOutput(output, at, mark, places)),
    ...thumbnails.map((output, at) => thumbnailOutput(output, at, mark, places)),
    ...(watermark?.uploadTo === undefined || mark === undefined
      ? []
      : [
          {
            id: outputId('wv', 0),
            task: 'watermark',
            params: { ...places.place('watermark.upload_to', watermark.uploadTo), ...mark },
          },
        ]),
  ];
  return {
    input,
    marks: mark === undefined ? [] : [mark.mark],
    outputs: planned,
    reference: referenceId,
    webhookUrl: webhookOf(request.webhookUrl),
  };
}

interface Mark {
  readonly mark: string;
  readonly position: 'center' | 'top-left';
}

function markOf(
  watermark: Watermark | undefined,
  isUsed: boolean,
  buckets: DefaultBuckets,
): Mark | undefined {
  const isThere = watermark?.s3Input !== undefined && watermark.s3Input.key.trim() !== '';
  if (!isThere) {
    if (!isUsed && watermark?.uploadTo === undefined) return undefined;
    throw refused('NO_WATERMARK_TO_USE', 'A watermark is to be used, and watermark.s3_input names none');
  }
  requireKnown('watermark.position', WatermarkPositionSchema, watermark.position);
  return {
    mark: inputAddress('watermark.s3_input', watermark.s3Input, buckets),
    position: watermark.position === WatermarkPosition.FIX_TOP_LEFT ? 'top-left' : 'center',
  };
}

function inputAddress(field: string, input: S3Input | undefined, buckets: DefaultBuckets): string {
  const { key = '', bucket = '' } = input ?? {};
  if (key.trim() === '') throw refused('S3_KEY_CAN_NOT_BE_EMPTY', `${field}.key: is empty`);
  const from = bucket || buckets.input;
  if (from === undefined) throw malformed(`${field}.bucket: is empty, and there is none for inputs without`);
  if (from.includes('/')) throw malformed(`${field}.bucket: a bucket has no slash in its name`);
  return `s3://${from}/${key}`;
}

/** Where the outputs of one request go: each by itself. */
class Places {
  readonly #taken = new Map<string, string>();
  readonly #buckets: DefaultBuckets;

  constructor(buckets: DefaultBuckets) {
    this.#buckets = buckets;
  }

  place(field: string, output: S3Output | undefined) {
    const { key = '', createBucket = false, dontReplace = false } = output ?? {};
    if (key.trim() === '') throw refused('S3_KEY_CAN_NOT_BE_EMPTY', `${field}.key: is empty`);
    const bucket = output?.bucket || this.#buckets.output;
    if (bucket === undefined) {
      throw malformed(`${field}.bucket: is empty, and there is none for outputs without`);
    }
    if (createBucket && !isBucketName(bucket)) {
      throw refused(
        'S3_BUCKET_NAME_IS_NOT_VALID',
        `${field}.bucket: no bucket can be named ${shown(bucket)}`,
      );
    }
    if (bucket.includes('/')) throw malformed(`${field}.bucket: a bucket has no slash in its name`);
    const to = `s3://${bucket}/${key}`;
    const other = this.#taken.get(to);
    if (other !== undefined) {
      throw refused('DUPLICATE_OUTPUT_LOCATIONS', `${field}: ${other} goes to the same bucket and key`);
    }
    this.#taken.set(to, field);
    return { to, createBucket, dontReplace };
  }
}

function playlistOutput(
  { protocol, uploadTo, options, useWatermark }: PlaylistOutput,
  number: number,
  mark: Mark | undefined,
  places: Places,
): NewOutput {
  const field = `playlists[${number}]`;
  requireKnown(`${field}.protocol`, ProtocolSchema, protocol);
  const place = places.place(`${field}.upload_to`, uploadTo);
  const id = outputId('p', number, useWatermark);
  const codec = codecOf(`${field}.options`, options);
  const { ladder, audioBitsPerS, isIncomplete } = qualitiesOf(`${field}.options`, options);
  if (isIncomplete) {
    const params = {
      code: 'RENDITION_INCOMPLETE',
      message: `${field}.options.custom_qualities: each needs both a size and a bit rate`,
    };
    return { id, task: 'refuse', params };
  }
  const isHls = protocol === Protocol.HLS;
  // What no player knows in MPEG-TS goes into fragments, whatever was asked for.
  const isTs = isHls && options?.fmp4 !== true && codec === 'h264';
  const params = {
    ...place,
    formats: [isHls ? 'hls' : 'dash'],
    segments: isTs ? 'ts' : 'fmp4',
    codec,
    ...(ladder.length === 0 ? {} : { ladder }),
    ...(audioBitsPerS === undefined ? {} : { audioBitsPerS }),
    ...(useWatermark ? { mark } : {}),
  };
  return { id, task: 'package', params };
}

const CODEC_ENUMS = {
  h264: { video: H264_VideoCodecSchema, audio: H264_AudioCodecSchema },
  hevc: { video: Hevc_VideoCodecSchema, audio: Hevc_AudioCodecSchema },
  vp9: { video: Vp9_VideoCodecSchema, audio: Vp9_AudioCodecSchema },
} as const;

function codecOf(field: string, options: ConvertOptions | undefined): keyof typeof CODEC_ENUMS {
  const format = options?.encodeFormat;
  if (format?.case === undefined) return 'h264';
  const { video, audio } = CODEC_ENUMS[format.case];
  requireKnown(`${field}.${format.case}.video_codec`, video, format.value.videoCodec);
  requireKnown(`${field}.${format.case}.audio_codec`, audio, format.value.audioCodec);
  return format.case;
}

interface Qualities {
  readonly ladder: readonly (
    | RungName
    | { readonly widthPx: number; readonly heightPx: number; readonly videoBitsPerS: number }
  )[];
  /** Of the best of them. */
  readonly audioBitsPerS: number | undefined;
  /** One has a size and no bit rate, or a bit rate and no size. */
  readonly isIncomplete: boolean;
}

function qualitiesOf(field: string, options: ConvertOptions | undefined): Qualities {
  const names = [...new Set(options?.qualityNames ?? [])].map((each) => {
    requireKnown(`${field}.quality_names`, QualityNameSchema, each);
    return QualityName[each] as RungName;
  });
  const customs = (options?.customQualities ?? []).map((each, at) =>
    customQuality(`${field}.custom_qualities[${at}]`, each),
  );
  const rungs = customs.flatMap((each) => (typeof each === 'object' ? [each] : []));
  const audio = [
    ...names.map((name) => AUDIO_BITS_PER_S[name]),
    ...rungs.flatMap(({ audioBitsPerS }) => (audioBitsPerS === 0 ? [] : [audioBitsPerS])),
  ];
  return {
    ladder: [
      ...names.sort((a, b) => NAMED_RUNGS[b].shortPx - NAMED_RUNGS[a].shortPx),
      ...rungs.map(({ widthPx, heightPx, videoBitsPerS }) => ({ widthPx, heightPx, videoBitsPerS })),
    ].slice(0, MOST_RUNGS),
    audioBitsPerS: audio.length === 0 ? undefined : Math.max(...audio),
    isIncomplete: customs.includes('incomplete'),
  };
}

/** More renditions of one film are of no use to anybody. */
const MOST_RUNGS = 12;

/** One with neither a size nor a bit rate says nothing. */
function customQuality(field: string, { size, bitrate }: CustomQuality) {
  const { width = 0, height = 0 } = size ?? {};
  const { video = 0, audio = 0, overall = 0 } = bitrate ?? {};
  for (const [name, value] of Object.entries({ width, height, video, audio, overall })) {
    if (value < 0) throw malformed(`${field}: ${name} is ${value}, and cannot be less than 0`);
  }
  const hasSize = width > 0 && height > 0;
  const hasBitrate = video > 0 || audio > 0 || overall > 0;
  if (!hasSize && !hasBitrate) return 'nothing' as const;
  const ofPictures = video > 0 ? video : Math.max(0, overall - audio);
  if (!hasSize || ofPictures === 0) return 'incomplete' as const;
  for (const [name, side] of Object.entries({ width, height }))
    within(`${field}.size.${name}`, side, SIDE_LIMITS);
  within(`${field}.bitrate.video`, ofPictures, VIDEO_LIMITS);
  if (audio > 0) within(`${field}.bitrate.audio`, audio, AUDIO_LIMITS);
  return {
    // Codecs take even numbers alone.
    widthPx: 2 * Math.round(width / 2),
    heightPx: 2 * Math.round(height / 2),
    videoBitsPerS: ofPictures,
    audioBitsPerS: audio,
  };
}

function within(
  field: string,
  value: number,
  { min, max }: { readonly min: number; readonly max: number },
): void {
  if (value < min || value > max) throw malformed(`${field}: is ${value}, and ${min} to ${max} are possible`);
}

function thumbnailOutput(
  { thumbnailTime, uploadTo, options, useWatermark }: ThumbnailOutput,
  number: number,
  mark: Mark | undefined,
  places: Places,
): NewOutput {
  const field = `thumbnails[${number}]`;
  const place = places.place(`${field}.upload_to`, uploadTo);
  const time = thumbnailTime.trim() === '' ? '0' : thumbnailTime.trim();
  if (readMoment(time) === undefined) {
    throw malformed(`${field}.thumbnail_time: ${shown(thumbnailTime)} has to be ${MOMENT_RULE}`);
  }
  const { scaleWidth: width = 0, scaleHeight: height = 0 } = options ?? {};
  for (const [name, side] of Object.entries({ width, height })) {
    within(`${field}.options.scale_${name}`, side, { min: -1, max: SIDE_LIMITS.max });
  }
  return {
    id: outputId('t', number, useWatermark),
    task: 'thumbnail',
    params: { ...place, time, width, height, ...(useWatermark ? { mark } : {}) },
  };
}

function webhookOf(text: string): string | undefined {
  if (text === '') return undefined;
  if (text.length > MOST_WEBHOOK_URL_CHARACTERS) {
    throw malformed(`webhook_url: has more than ${MOST_WEBHOOK_URL_CHARACTERS} characters`);
  }
  const flaw = whyNoWebhook(text);
  if (flaw !== undefined) throw malformed(`webhook_url: ${flaw}`);
  return new URL(text).href;
}

/** A number that a later version of the client means something by, and this server nothing. */
function requireKnown(field: string, { name, value }: DescEnum, number: number): void {
  if (value[number] === undefined) throw malformed(`${field}: ${number} is no ${name} that is known here`);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
