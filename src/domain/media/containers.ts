import type { AudioStream, MediaFile, VideoStream } from './media-file.ts';

/** A kind of file that films and sound are written into. */
export interface Container {
  readonly name: ContainerName;
  readonly mediaType: string;
  /** What ffmpeg calls that which writes it. */
  readonly muxer: string;
  /** Of the codecs that it carries, by ffprobe's names, those that players expect in it. */
  readonly video: readonly string[];
  readonly audio: readonly string[];
}

export type ContainerName = 'mp4' | 'mov' | 'webm' | 'mkv' | 'm4a' | 'mp3' | 'ogg' | 'flac' | 'wav';

const ISO_VIDEO = ['h264', 'hevc', 'av1', 'vp9', 'mpeg4'];
const ISO_AUDIO = ['aac', 'mp3', 'opus', 'ac3', 'eac3', 'flac', 'alac'];

/** Those that anything can be brought into stand last of their kind. */
export const CONTAINERS: Readonly<Record<ContainerName, Container>> = {
  mp4: { name: 'mp4', mediaType: 'video/mp4', muxer: 'mp4', video: ISO_VIDEO, audio: ISO_AUDIO },
  mov: { name: 'mov', mediaType: 'video/quicktime', muxer: 'mov', video: ISO_VIDEO, audio: ISO_AUDIO },
  webm: {
    name: 'webm',
    mediaType: 'video/webm',
    muxer: 'webm',
    video: ['vp8', 'vp9', 'av1'],
    audio: ['opus', 'vorbis'],
  },
  mkv: {
    name: 'mkv',
    mediaType: 'video/matroska',
    muxer: 'matroska',
    video: [...ISO_VIDEO, 'vp8'],
    audio: [...ISO_AUDIO, 'vorbis', 'pcm_s16le'],
  },
  m4a: { name: 'm4a', mediaType: 'audio/mp4', muxer: 'ipod', video: [], audio: ['aac', 'alac'] },
  mp3: { name: 'mp3', mediaType: 'audio/mpeg', muxer: 'mp3', video: [], audio: ['mp3'] },
  ogg: { name: 'ogg', mediaType: 'audio/ogg', muxer: 'ogg', video: [], audio: ['opus', 'vorbis', 'flac'] },
  flac: { name: 'flac', mediaType: 'audio/flac', muxer: 'flac', video: [], audio: ['flac'] },
  wav: { name: 'wav', mediaType: 'audio/wav', muxer: 'wav', video: [], audio: ['pcm_s16le', 'pcm_s24le'] },
};

/** Those that say of each picture when it is shown; of others that is guessed, and wrong where pictures stand in another order. */
const TIMED = ['mp4', 'matroska', 'mpegts', 'flv'];

/** Whether its streams can be brought into another container as they are. */
export function canBeCopied({ container, video }: MediaFile): boolean {
  return video === undefined || container.split(',').some((name) => TIMED.includes(name));
}

/** The container that a file's streams go into as they are: one that browsers open, where there is one. */
export function containerForCopy({ container, video, audio }: Streams): Container {
  const { mp4, webm, mkv, m4a, mp3, ogg, flac, wav } = CONTAINERS;
  const isMatroska = container.split(',').includes('matroska');
  const wanted = video === undefined ? [m4a, mp3, ogg, flac, wav] : isMatroska ? [webm, mp4] : [mp4, webm];
  return wanted.find((each) => carries(each, { video, audio })) ?? mkv;
}

/** What decides which containers carry a file. */
interface Streams extends Pick<MediaFile, 'container'> {
  readonly video: Pick<VideoStream, 'codec'> | undefined;
  readonly audio: Pick<AudioStream, 'codec'> | undefined;
}

function carries(container: Container, { video, audio }: Omit<Streams, 'container'>): boolean {
  return (
    (video === undefined || container.video.includes(video.codec)) &&
    (audio === undefined || container.audio.includes(audio.codec))
  );
}

/** The arguments that write it: what players need first stands first. */
export function muxArgs({ muxer }: Container): string[] {
  const isIso = ['mp4', 'mov', 'ipod'].includes(muxer);
  return [...(isIso ? ['-movflags', '+faststart'] : []), '-f', muxer];
}
