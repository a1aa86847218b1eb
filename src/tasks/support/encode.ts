import { KnownError } from '../../domain/errors.ts';
import { type Container, muxArgs } from '../../domain/media/containers.ts';
import {
  type AudioCodec,
  audioArgs,
  encodersOf,
  type Quality,
  type VideoCodec,
  videoArgs,
} from '../../domain/media/encoding.ts';
import type { AudioStream, VideoStream } from '../../domain/media/media-file.ts';
import { evenRate, READ_ANYHOW, repairChain, SOUND } from '../../domain/media/repair.ts';
import type { FfmpegDone } from '../../engine/ports/ffmpeg.ts';
import type { MediaWork, PictureSize, Proof } from './media-step.ts';

/** What is encoded, and how. */
export interface Encoding {
  readonly container: Container;
  readonly quality: Quality;
  readonly video?: { readonly stream: VideoStream; readonly codec: VideoCodec; readonly size: PictureSize };
  readonly audio?: { readonly stream: AudioStream; readonly codec: AudioCodec };
  /** A part of the film, in seconds; default all of it. */
  readonly part?: { readonly startS: number; readonly endS: number };
  /** Pictures that can be shown by themselves stand at all multiples of this; default: where the encoder likes. */
  readonly keyframeEachS?: number;
  /** A picture that is drawn on the film: the arguments that open it, and the filter that draws it. */
  readonly mark?: { readonly args: readonly string[]; readonly overlay: (film: string) => string };
}

/** Nothing of a file goes along but its pictures and its sound. */
export const STREAMS_ONLY = ['-map_metadata', '-1', '-map_chapters', '-1', '-sn', '-dn'];

type Work = Pick<MediaWork<unknown>, 'run' | 'input' | 'programs' | 'signal'>;

/**
 * Encodes a film or its sound anew, whatever is odd about it.
 *
 * @param output The name of the file, or the arguments that write what comes of it.
 * @param onOutput What is written to `pipe:1`.
 * @throws KnownError `ENCODER_MISSING`
 */
export async function encode(
  work: Work,
  encoding: Encoding,
  output: string | readonly string[],
  onOutput?: (chunk: Buffer) => void,
): Promise<FfmpegDone> {
  const { run, input } = work;
  const { container, quality, video, audio, part, keyframeEachS, mark } = encoding;
  await requireEncoders(work, encoding);
  const lengthS = part === undefined ? input.durationS : part.endS - part.startS;
  const chain = video && repairChain(video.stream, video.size, evenRate(video.stream)).join(',');
  const film = video && `[0:${video.stream.index}]${chain}`;
  return await run({
    args: [
      ...READ_ANYHOW,
      ...(part === undefined ? [] : ['-ss', String(part.startS)]),
      ...input.args,
      ...(mark?.args ?? []),
      ...(film === undefined
        ? []
        : ['-filter_complex', `${mark?.overlay(film) ?? film}[film]`, '-map', '[film]']),
      ...(audio === undefined ? [] : ['-map', `0:${audio.stream.index}`]),
      ...(part === undefined ? [] : ['-t', String(lengthS)]),
      ...(video === undefined ? [] : videoArgs(video.codec, quality)),
      ...(audio === undefined ? [] : [...audioArgs(audio.codec), ...SOUND]),
      ...(keyframeEachS === undefined ? [] : ['-force_key_frames', `expr:gte(t,n_forced*${keyframeEachS})`]),
      ...STREAMS_ONLY,
      ...(typeof output === 'string' ? [...muxArgs(container), output] : output),
    ],
    expectedS: lengthS,
    ...(onOutput && { onOutput }),
  });
}

/** What a file has to be that was encoded so. */
export function proofOf({ video, audio }: Pick<Encoding, 'video' | 'audio'>, durationS: number): Proof {
  return {
    durationS,
    ...(video === undefined ? {} : { videoCodec: video.codec }),
    ...(audio === undefined ? {} : { audioCodec: audio.codec }),
  };
}

async function requireEncoders({ programs, signal }: Work, { video, audio }: Encoding): Promise<void> {
  const names = encodersOf({ video: video?.codec, audio: audio?.codec });
  const states = await programs.ffmpeg.encoders(names, signal);
  const missing = names.find((name) => states.get(name) !== 'works');
  if (missing === undefined) return;
  throw new KnownError(`This machine cannot encode with ${missing}`, { code: 'ENCODER_MISSING' });
}
