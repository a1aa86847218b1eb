import { open } from 'node:fs/promises';
import { KnownError } from '../../domain/errors.ts';
import { requireWithinLimits } from '../../domain/media/limits.ts';
import {
  type AudioStream,
  type MediaFile,
  PROBE_ENTRIES,
  readMediaFile,
  type VideoStream,
} from '../../domain/media/media-file.ts';
import type { Ffmpeg } from '../../engine/ports/ffmpeg.ts';
import type { Ffprobe } from '../../lib/ffprobe.ts';

/** A file of audio or video that something is to be made of. */
export interface MediaInput {
  readonly file: MediaFile;
  /** The arguments that open it, `-i` among them. */
  readonly args: readonly string[];
  /** As it says itself; where it does not, as it was measured. */
  readonly durationS: number;
}

/** The programs that a step works with. */
export interface MediaPrograms {
  readonly ffmpeg: Ffmpeg;
  readonly ffprobe: Ffprobe;
}

/** @throws KnownError `TOOL_MISSING` where the settings say that there is none */
export function requirePrograms(tools: {
  readonly ffmpeg: Ffmpeg | undefined;
  readonly ffprobe: Ffprobe | undefined;
}): MediaPrograms {
  const { ffmpeg, ffprobe } = tools;
  if (ffmpeg !== undefined && ffprobe !== undefined) return { ffmpeg, ffprobe };
  const name = ffmpeg === undefined ? 'FFMPEG' : 'FFPROBE';
  throw new KnownError(`Nothing can be made of the file: ${name} is none`, {
    code: 'TOOL_MISSING',
    retry: 'backoff',
  });
}

/**
 * Looks at a file before anything of it is decoded.
 *
 * @param path Absolute.
 * @throws KnownError `NOT_MEDIA`, `MEDIA_BROKEN`, `MEDIA_REFUSED`, `TOOL_MISSING`
 */
export async function openMedia(
  { ffmpeg, ffprobe }: MediaPrograms,
  path: string,
  signal: AbortSignal,
): Promise<MediaInput> {
  const args = await ffmpeg.input(path);
  const file = await lookAt(ffprobe, path);
  if (file === undefined) {
    // It says why, if it is the file.
    await ffmpeg.run({ args: [...args, '-t', '0.1', ...NOWHERE], signal });
    throw new KnownError('ffprobe is not there, or says nothing of a file that ffmpeg can read', {
      code: 'TOOL_MISSING',
      retry: 'backoff',
    });
  }
  requireWithinLimits(file);
  const durationS = file.durationS ?? (await ffmpeg.run({ args: [...args, ...NOWHERE], signal })).outTimeS;
  requireWithinLimits({ ...file, durationS });
  return { file, args, durationS };
}

/** Reads it to its end, decodes nothing and writes nothing. */
const NOWHERE = ['-map', '0:v?', '-map', '0:a?', '-c', 'copy', '-f', 'null', '-'];

/** What is in a file; `undefined` if ffprobe cannot say. */
export async function lookAt(ffprobe: Ffprobe, path: string): Promise<MediaFile | undefined> {
  const handle = await open(path, 'r');
  try {
    return readMediaFile((await ffprobe.show(handle, PROBE_ENTRIES)) ?? '');
  } finally {
    await handle.close();
  }
}

/** @throws KnownError `STREAM_MISSING` of a file that has sound alone, a song with its cover among them */
export function requireVideo({ video }: MediaFile): VideoStream {
  if (video !== undefined) return video;
  throw new KnownError('The file has no moving pictures', { code: 'STREAM_MISSING' });
}

/** @throws KnownError `STREAM_MISSING` of a silent film */
export function requireAudio({ audio }: MediaFile): AudioStream {
  if (audio !== undefined) return audio;
  throw new KnownError('The file has no sound', { code: 'STREAM_MISSING' });
}
