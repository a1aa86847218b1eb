import { hasCode } from '../errors.ts';
import { canCopySound, type PacketFacts, whyNotCopied } from './copy-rule.ts';
import { requireWithinLimits } from './limits.ts';
import { type MediaFile, perSecond, shownSize } from './media-file.ts';

/** What matters of a file before something is made of it. Null is what nobody can say. */
export interface FileReport {
  readonly container: string;
  readonly durationS: number | null;
  readonly bytes: number;
  readonly bitsPerS: number | null;
  readonly streams: number;
  /** Whether players can begin before they have all of it; null of what is no MP4. */
  readonly isFaststart: boolean | null;
  readonly video: VideoReport | null;
  readonly audio: AudioReport | null;
  /** Why the film cannot be the largest rendition of a package as it is; null: it can. */
  readonly whyNotCopied: string | null;
  /** Why nothing is made of it at all; null: it is worked on. */
  readonly whyRefused: string | null;
}

interface VideoReport {
  readonly codec: string;
  /** As it is shown: turned upright, with square pixels. */
  readonly widthPx: number;
  readonly heightPx: number;
  readonly turnedDegrees: number;
  readonly framesPerS: number | null;
  readonly pixelFormat: string | null;
  readonly isInterlaced: boolean;
  readonly bitsPerS: number | null;
  /** The longest way from one keyframe to the next, or to the end. */
  readonly longestGopS: number | null;
}

interface AudioReport {
  readonly codec: string;
  readonly channels: number;
  readonly sampleRateHz: number | null;
  readonly bitsPerS: number | null;
  /** Whether it stays as it is in a package whose film does. */
  readonly canBeCopied: boolean;
}

/** Why nothing is made of a file; `undefined`: it is worked on. */
export function whyRefused(file: MediaFile): string | undefined {
  try {
    requireWithinLimits(file);
    return undefined;
  } catch (error) {
    if (hasCode(error, 'MEDIA_REFUSED')) return error.message;
    throw error;
  }
}

/** @param scan What its packets say; `undefined`: nobody has looked at them. */
export function reportOn(
  file: MediaFile,
  known: { readonly bytes: number; readonly isFaststart: boolean | undefined },
  scan: PacketFacts | undefined,
): FileReport {
  const { video, audio } = file;
  return {
    container: file.container,
    durationS: file.durationS ?? null,
    bytes: known.bytes,
    bitsPerS: file.bitsPerS ?? null,
    streams: file.streamCount,
    isFaststart: known.isFaststart ?? null,
    video:
      video === undefined
        ? null
        : {
            codec: video.codec,
            widthPx: Math.round(shownSize(video).widthPx),
            heightPx: Math.round(shownSize(video).heightPx),
            turnedDegrees: video.turnedDegrees,
            framesPerS: video.averageRate === undefined ? null : rounded(perSecond(video.averageRate)),
            pixelFormat: video.pixelFormat ?? null,
            isInterlaced: video.isInterlaced,
            bitsPerS: video.bitsPerS ?? (scan === undefined ? null : Math.round(scan.bitsPerS)),
            longestGopS: scan === undefined ? null : rounded(scan.largestGapS),
          },
    audio:
      audio === undefined
        ? null
        : {
            codec: audio.codec,
            channels: audio.channels,
            sampleRateHz: audio.sampleRateHz ?? null,
            bitsPerS: audio.bitsPerS ?? null,
            canBeCopied: canCopySound(audio),
          },
    whyNotCopied:
      video === undefined
        ? 'it has no moving pictures'
        : scan === undefined
          ? 'nobody has looked at its packets'
          : (whyNotCopied({ ...file, video }, scan) ?? null),
    whyRefused: whyRefused(file) ?? null,
  };
}

function rounded(value: number): number {
  return Math.round(1000 * value) / 1000;
}
