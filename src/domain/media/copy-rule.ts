import { capFor } from './ladder.ts';
import type { AudioStream, MediaFile, VideoStream } from './media-file.ts';

/** The longest way from one keyframe to the next: a segment cannot be shorter. */
const MAX_GAP_S = 10;

/** More than a rendition of this size is given, by so much, is sent to nobody. */
const MAX_OVER_CAP = 1.5;

/** Pictures and sound begin together, within this. */
const MAX_APART_S = 0.1;

/** By ffprobe's count: 5.1. */
const MAX_LEVEL = 51;

/** What the packets of a film say, which nobody has decoded. */
export interface PacketFacts {
  /** Between two keyframes, or the last one and the end, in seconds. */
  readonly largestGapS: number;
  readonly bitsPerS: number;
  /** How much there is before its beginning, which an edit list hides, in seconds. */
  readonly hiddenS: number;
  /** Of H.264: further on its pictures have another size or are of another kind than before, which shows once they are decoded. */
  readonly isChanging: boolean;
}

/**
 * Why a film cannot be the largest rendition as it is, without being encoded anew; `undefined` if it can. Every browser has
 * to play it, from any of its keyframes on.
 */
export function whyNotCopied(
  { container, video, audio }: MediaFile & { readonly video: VideoStream },
  { largestGapS, bitsPerS, isChanging }: PacketFacts,
): string | undefined {
  if (!container.split(',').includes('mp4')) return 'its container is not MP4';
  if (video.codec !== 'h264') return `its pictures are ${video.codec}`;
  if (video.pixelFormat !== 'yuv420p') return `its pictures are ${video.pixelFormat ?? 'of no known format'}`;
  if (video.isInterlaced) return 'it is interlaced';
  if (video.level === undefined || video.level > MAX_LEVEL) return 'its level is above 5.1';
  if (video.turnedDegrees !== 0) return 'it lies on its side';
  if (video.pixelAspect !== 1) return 'its pixels are not square';
  if (video.isFullRange) return 'its brightness has the full range';
  if (isChanging) return 'its pictures change their size or kind on the way';
  if (largestGapS > MAX_GAP_S) return `its keyframes are up to ${largestGapS.toFixed(1)} s apart`;
  if (bitsPerS > MAX_OVER_CAP * capFor(video)) return 'it takes too many bits per second';
  if (audio !== undefined && Math.abs(video.startS - audio.startS) > MAX_APART_S) {
    return 'its pictures and its sound do not begin together';
  }
  return undefined;
}

/** Whether a film begins with what is not to be shown; a part of a picture is rounding. */
export function hidesItsBeginning({ hiddenS }: Pick<PacketFacts, 'hiddenS'>): boolean {
  return hiddenS > MAX_APART_S;
}

/** Whether sound can stay as it is: browsers play AAC-LC in one or two channels. */
export function canCopySound({ codec, profile, channels }: AudioStream): boolean {
  return codec === 'aac' && profile === 'LC' && channels <= 2;
}
