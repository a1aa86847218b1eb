import type { AudioStream, MediaFile, VideoStream } from '../../src/domain/media/media-file.ts';

/** 25 pictures a second. */
export const RATE = { over: 25, under: 1 };

/** What is said of the pictures of a film that every browser plays. */
export const film = (more: Partial<VideoStream> = {}): VideoStream => ({
  index: 0,
  codec: 'h264',
  level: 31,
  widthPx: 1280,
  heightPx: 720,
  pixelAspect: 1,
  turnedDegrees: 0,
  pixelFormat: 'yuv420p',
  isFullRange: false,
  transfer: 'bt709',
  isInterlaced: false,
  nominalRate: RATE,
  averageRate: RATE,
  bitsPerS: undefined,
  startS: 0,
  ...more,
});

/** What is said of its sound. */
export const sound = (more: Partial<AudioStream> = {}): AudioStream => ({
  index: 1,
  codec: 'aac',
  profile: 'LC',
  channels: 1,
  sampleRateHz: 32_000,
  bitsPerS: undefined,
  startS: 0,
  ...more,
});

/** What is said of a file of both, a minute long. */
export const file = (
  video: VideoStream | undefined,
  audio: AudioStream | undefined,
  more: Partial<MediaFile> = {},
): MediaFile => ({
  container: 'mov,mp4,m4a,3gp,3g2,mj2',
  durationS: 60,
  bitsPerS: 400_000,
  streamCount: 2,
  video,
  audio,
  ...more,
});
