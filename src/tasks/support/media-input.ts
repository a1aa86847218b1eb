import { KnownError } from '../../domain/errors.ts';
import type { AudioStream, MediaFile, VideoStream } from '../../domain/media/media-file.ts';
import { type LookedInto, lookInto, type MediaTools } from './look-into.ts';

/** A file of audio or video that something is to be made of. */
export interface MediaInput extends LookedInto {
  /** As it says itself; where it does not, as it was measured. */
  readonly durationS: number;
}

/**
 * Looks at a file before anything of it is decoded.
 *
 * @param path Absolute.
 * @throws KnownError `NOT_MEDIA`, `MEDIA_BROKEN`, `MEDIA_REFUSED`, `TOOL_MISSING`
 */
export async function openMedia(tools: MediaTools, path: string, signal: AbortSignal): Promise<MediaInput> {
  const { file, args } = await lookInto(tools, path, signal);
  return { file, args, durationS: file.durationS };
}

/** @throws KnownError `STREAM_MISSING` of a file that has sound alone, a song with its cover among them */
export function requireVideo({ video }: MediaFile): VideoStream {
  if (video !== undefined) return video;
  throw noPictures();
}

/** The refusal of a file that something is to be shown of. */
export function noPictures(): KnownError {
  return new KnownError('The file has no moving pictures', { code: 'STREAM_MISSING' });
}

/** @throws KnownError `STREAM_MISSING` of a silent film */
export function requireAudio({ audio }: MediaFile): AudioStream {
  if (audio !== undefined) return audio;
  throw new KnownError('The file has no sound', { code: 'STREAM_MISSING' });
}
