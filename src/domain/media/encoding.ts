import type { ContainerName } from './containers.ts';
import { type AudioStream, shownSize, type VideoStream } from './media-file.ts';
import { isHdr } from './repair.ts';

/** How films and sound are encoded, by ffprobe's names for what comes of it. */
export type VideoCodec = 'h264' | 'hevc' | 'vp9' | 'av1';
export type AudioCodec = 'aac' | 'opus' | 'mp3' | 'flac' | 'pcm_s16le';

/** How much is spent on what is seen; each step about halves or doubles the bytes. */
export type Quality = 'small' | 'good' | 'best';

interface VideoEncoding {
  readonly encoder: string;
  /** Its constant rate factor. */
  readonly crf: Readonly<Record<Quality, number>>;
  readonly args: readonly string[];
}

const VIDEO: Readonly<Record<VideoCodec, VideoEncoding>> = {
  h264: { encoder: 'libx264', crf: { small: 28, good: 23, best: 18 }, args: ['-preset', 'veryfast'] },
  hevc: { encoder: 'libx265', crf: { small: 32, good: 28, best: 22 }, args: ['-preset', 'veryfast'] },
  vp9: {
    encoder: 'libvpx-vp9',
    crf: { small: 40, good: 33, best: 26 },
    args: ['-b:v', '0', '-deadline', 'good', '-cpu-used', '5', '-row-mt', '1'],
  },
  av1: { encoder: 'libsvtav1', crf: { small: 45, good: 35, best: 28 }, args: ['-preset', '9'] },
};

const AUDIO: Readonly<Record<AudioCodec, { readonly encoder: string; readonly args: readonly string[] }>> = {
  aac: { encoder: 'aac', args: ['-b:a', '128k'] },
  opus: { encoder: 'libopus', args: ['-b:a', '96k'] },
  mp3: { encoder: 'libmp3lame', args: ['-b:a', '128k'] },
  flac: { encoder: 'flac', args: [] },
  pcm_s16le: { encoder: 'pcm_s16le', args: [] },
};

/** What a container is filled with if nothing is said. */
export const USUAL_CODECS: Readonly<
  Record<ContainerName, { readonly video: VideoCodec | undefined; readonly audio: AudioCodec }>
> = {
  mp4: { video: 'h264', audio: 'aac' },
  mov: { video: 'h264', audio: 'aac' },
  webm: { video: 'vp9', audio: 'opus' },
  mkv: { video: 'h264', audio: 'aac' },
  m4a: { video: undefined, audio: 'aac' },
  mp3: { video: undefined, audio: 'mp3' },
  ogg: { video: undefined, audio: 'opus' },
  flac: { video: undefined, audio: 'flac' },
  wav: { video: undefined, audio: 'pcm_s16le' },
};

/** What has to work on this machine for these codecs; what is no more than numbers, every ffmpeg writes. */
export function encodersOf(codecs: {
  readonly video: VideoCodec | undefined;
  readonly audio: AudioCodec | undefined;
}): string[] {
  const video = codecs.video && VIDEO[codecs.video].encoder;
  const audio = codecs.audio && AUDIO[codecs.audio].encoder;
  return [video, audio].filter((name) => name !== undefined && name !== 'pcm_s16le') as string[];
}

export function videoArgs(codec: VideoCodec, quality: Quality): string[] {
  const { encoder, crf, args } = VIDEO[codec];
  return ['-c:v', encoder, '-crf', String(crf[quality]), ...args, ...tagOf(codec)];
}

/** Apple's players know HEVC by this name only. */
export function tagOf(codec: string): string[] {
  return codec === 'hevc' ? ['-tag:v', 'hvc1'] : [];
}

export function audioArgs(codec: AudioCodec): string[] {
  const { encoder, args } = AUDIO[codec];
  return ['-c:a', encoder, ...args];
}

/** Whether pictures can stay as they are, and are what was asked for. */
export function canKeepVideo(video: VideoStream, wanted: VideoCodec, size: Size): boolean {
  const shown = shownSize(video);
  return (
    video.codec === wanted &&
    // What is deeper or finer plays in few browsers.
    video.pixelFormat === 'yuv420p' &&
    !video.isFullRange &&
    video.pixelAspect === 1 &&
    !video.isInterlaced &&
    !isHdr(video) &&
    Math.abs(shown.widthPx - size.widthPx) < 2 &&
    Math.abs(shown.heightPx - size.heightPx) < 2
  );
}

export function canKeepAudio({ codec, channels }: AudioStream, wanted: AudioCodec): boolean {
  return codec === wanted && channels <= 2;
}

interface Size {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** As large as it is shown, or so much smaller that its shorter side is no longer than this; in even numbers. */
export function sizeWithin(video: VideoStream, shortSidePx: number): Size {
  const shown = shownSize(video);
  const share = Math.min(1, shortSidePx / Math.min(shown.widthPx, shown.heightPx));
  return { widthPx: even(shown.widthPx * share), heightPx: even(shown.heightPx * share) };
}

/** What most codecs need of each side. */
export function even(pixels: number): number {
  return Math.max(2, 2 * Math.round(pixels / 2));
}
