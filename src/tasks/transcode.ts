import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { CONTAINERS, type ContainerName, canBeCopied, muxArgs } from '../domain/media/containers.ts';
import {
  audioArgs,
  canKeepAudio,
  canKeepVideo,
  sizeWithin,
  tagOf,
  USUAL_CODECS,
} from '../domain/media/encoding.ts';
import type { VideoStream } from '../domain/media/media-file.ts';
import { SOUND } from '../domain/media/repair.ts';
import type { TaskShape } from '../domain/recipe.ts';
import type { FfmpegDone } from '../engine/ports/ffmpeg.ts';
import { type Encoding, encode, proofOf, STREAMS_ONLY } from './support/encode.ts';
import { scanPackets } from './support/look-into.ts';
import { requireAudio } from './support/media-input.ts';
import { createMediaTask, type MediaWork, type OutputTools } from './support/media-step.ts';
import { outputPlaces, toPlaceOrAddress } from './support/output-params.ts';

const paramsShape = z
  .strictObject({
    ...toPlaceOrAddress,
    container: z.enum(Object.keys(CONTAINERS) as [ContainerName, ...ContainerName[]]).default('mp4'),
    video: z
      .enum(['h264', 'hevc', 'vp9', 'av1', 'none'])
      .optional()
      .describe('Default: h264, in WebM vp9, and none in a container of sound alone'),
    audio: z
      .enum(['aac', 'opus', 'mp3', 'flac', 'none'])
      .optional()
      .describe('Default: that of the container'),
    quality: z.enum(['small', 'good', 'best']).default('good'),
    shortSide: z
      .int()
      .min(64)
      .max(8192)
      .default(8192)
      .describe('Of the pictures, in pixels, at most: 720 makes 720p of what is larger'),
    copy: z.boolean().default(true).describe('Leave as it is what fits already'),
  })
  .superRefine(({ container, video, audio }, context) => {
    const { video: films, audio: sounds } = CONTAINERS[container];
    const say = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (video !== undefined && video !== 'none' && !films.includes(video))
      say('video', `${container} carries no ${video}`);
    if (audio !== undefined && audio !== 'none' && !sounds.includes(audio))
      say('audio', `${container} carries no ${audio}`);
    const isEmpty = (video ?? USUAL_CODECS[container].video ?? 'none') === 'none' && audio === 'none';
    if (isEmpty) say('audio', 'there would be neither pictures nor sound');
  });

export const shape = {
  name: 'transcode',
  label: 'Transcode',
  lane: 'media',
  makesOutputs: true,
  keysAt: (key) => [key],
  reports: 'seconds',
  takes: { file: 'proved' },
  params: paramsShape,
  places: outputPlaces,
} as const satisfies TaskShape;

type Params = z.infer<typeof paramsShape>;

/** What is encoded with more care than before can be larger than it was. */
const scratchBytes = (sourceBytes: number) => 2 * sourceBytes + 100_000_000;

/**
 * Brings a recording into another container, codec, size or quality. What is right already stays as it is, bit by bit,
 * unless that does not go well: then all is encoded.
 *
 * Safe to repeat: see `createMediaTask`.
 */
export const makeTask = (tools: OutputTools) =>
  createMediaTask({ shape, tools, scratchBytes, work: transcode });

async function transcode(work: MediaWork<Params>) {
  const { input, params } = work;
  const { durationS } = input;
  const encoding = encodingOf(work);
  const { container, video, audio } = encoding;
  const name = `${container.video.length > 0 ? 'video' : 'audio'}.${container.name}`;
  const mayCopy = params.copy && canBeCopied(input.file);
  const keeps = {
    video:
      mayCopy &&
      video !== undefined &&
      canKeepVideo(video.stream, video.codec, video.size) &&
      !(await isChanging(work, video.stream)),
    audio: mayCopy && audio !== undefined && canKeepAudio(audio.stream, audio.codec),
  };

  // Sound alone is encoded in no time.
  const canKeep = video === undefined ? keeps.audio : keeps.video;
  const copiedS = canKeep ? await copied() : undefined;
  const madeS = copiedS ?? (await proved(await encode(work, encoding, name)));
  await work.put(name, { mediaType: container.mediaType, durationS: madeS });
  return {
    ...(video?.size ?? {}),
    copied: copiedS === undefined ? [] : (['video', 'audio'] as const).filter((kind) => keeps[kind]),
  };

  /** Its length; `undefined`: not everything that a container carries can be brought into it as it is. */
  async function copied(): Promise<number | undefined> {
    try {
      return await proved(await copy(work, encoding, keeps, name));
    } catch (error) {
      if (!(error instanceof KnownError) || !COPY_FAILED.includes(error.code)) throw error;
      work.log.info({ event: 'transcode.not-copied', err: error }, 'encoded instead');
      return undefined;
    }
  }

  /** Its length, which is that of the file, or more where the file has more than it says. */
  async function proved({ outTimeS }: FfmpegDone): Promise<number> {
    const wantedS = Math.max(durationS, outTimeS);
    const made = await work.prove(name, proofOf(encoding, wantedS));
    return made.durationS ?? wantedS;
  }
}

/** What changes on the way plays nowhere once it is copied, but is encoded into what does not; so is what cannot be looked through. */
async function isChanging({ programs, run, input, signal, log }: MediaWork<Params>, video: VideoStream) {
  const counting = { ffmpeg: { ...programs.ffmpeg, run } };
  try {
    return (await scanPackets(counting, { args: input.args, video, signal })).isChanging;
  } catch (error) {
    if (!(error instanceof KnownError) || !COPY_FAILED.includes(error.code)) throw error;
    log.info({ event: 'transcode.not-copied', err: error }, 'encoded instead');
    return true;
  }
}

const COPY_FAILED: readonly string[] = [
  'FFMPEG_FAILED',
  'MEDIA_BROKEN',
  'OUTPUT_DIFFERS',
  'OUTPUT_TOO_SHORT',
];

/** Of a film without sound, or sound without a film, what there is. */
function encodingOf({ input, params }: MediaWork<Params>): Encoding {
  const { file } = input;
  const container = CONTAINERS[params.container];
  const usual = USUAL_CODECS[params.container];
  const videoCodec = params.video ?? usual.video ?? 'none';
  const audioCodec = params.audio ?? usual.audio;
  if (videoCodec === 'none') requireAudio(file);
  const video =
    videoCodec === 'none' || file.video === undefined
      ? undefined
      : { stream: file.video, codec: videoCodec, size: sizeWithin(file.video, params.shortSide) };
  const audio =
    audioCodec === 'none' || file.audio === undefined ? undefined : { stream: file.audio, codec: audioCodec };
  if (video === undefined && audio === undefined) {
    throw new KnownError('The file has no moving pictures', { code: 'STREAM_MISSING' });
  }
  return {
    container,
    quality: params.quality,
    ...(video === undefined ? {} : { video }),
    ...(audio === undefined ? {} : { audio }),
  };
}

/** Brings what is right already into the container as it is; what is not is encoded beside it. */
async function copy(
  { run, input }: MediaWork<Params>,
  { container, video, audio }: Encoding,
  keeps: { readonly video: boolean; readonly audio: boolean },
  name: string,
): Promise<FfmpegDone> {
  return await run({
    args: [
      ...input.args,
      ...(video === undefined
        ? []
        : ['-map', `0:${video.stream.index}`, '-c:v', 'copy', ...tagOf(video.codec)]),
      ...(audio === undefined ? [] : ['-map', `0:${audio.stream.index}`]),
      ...(audio === undefined ? [] : keeps.audio ? ['-c:a', 'copy'] : [...audioArgs(audio.codec), ...SOUND]),
      ...[...STREAMS_ONLY, ...muxArgs(container), name],
    ],
    expectedS: input.durationS,
  });
}
