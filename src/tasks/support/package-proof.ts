import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { KnownError } from '../../domain/errors.ts';
import { lengthS, type Track } from '../../domain/media/manifests.ts';
import type { MediaFile } from '../../domain/media/media-file.ts';
import { isWhole } from '../../domain/media/output.ts';
import type { MediaTools } from './look-into.ts';

/** Segments of two renditions begin at the same time, within a part of one picture. */
const SAME_TIME_S = 0.02;

/**
 * Proves that a package is one: no track lacks a part of the film, all renditions are cut at the same times, and each can be
 * decoded.
 *
 * @throws KnownError `OUTPUT_TOO_SHORT`, `FFMPEG_FAILED`
 */
export async function provePackage(of: {
  readonly media: Pick<MediaTools, 'ffmpeg'>;
  readonly file: MediaFile;
  readonly tracks: readonly Track[];
  /** The header of a track, if it has one, and its first segment. */
  readonly beginningOf: (track: number) => readonly string[];
  readonly folder: string;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { media, file, tracks, beginningOf, folder, signal } = of;
  requireWhole(tracks, file);
  requireAligned(tracks.filter(({ kind }) => kind === 'video'));
  const inputs: string[] = [];
  for (const [at, track] of tracks.entries()) {
    const path = join(folder, `try-${track.id}.mp4`);
    for (const part of beginningOf(at)) {
      await pipeline(createReadStream(part), createWriteStream(path, { flags: 'a' }));
    }
    inputs.push(...(await media.ffmpeg.input(path)));
  }
  // All in one run, for the start of ffmpeg costs as much as decoding a segment.
  const outputs = tracks.flatMap((_, at) => ['-map', String(at)]);
  const expectedS = Math.max(
    ...tracks.map(({ segments, timescale }) => (segments[0]?.duration ?? 0) / timescale),
  );
  await media.ffmpeg.run({
    args: ['-xerror', ...inputs, ...outputs, '-f', 'null', '-'],
    expectedS,
    signal,
  });
}

/** Pictures may end before the sound does, and sound before the pictures, where the file says so. */
function requireWhole(tracks: readonly Track[], { durationS, video, audio }: MediaFile): void {
  for (const track of tracks) {
    requireNoGap(track);
    requireLength(track, (track.kind === 'video' ? video : audio)?.durationS);
  }
  const longest = tracks.reduce((one, other) => (lengthS(other) > lengthS(one) ? other : one));
  requireLength(longest, durationS);
}

function requireNoGap({ segments, timescale, id }: Track): void {
  let end = segments[0]?.start ?? 0;
  for (const [at, segment] of segments.entries()) {
    // One that is missing in the list has no number.
    if (segment === undefined || Math.abs(segment.start - end) > SAME_TIME_S * timescale) {
      throw wrong(`The segment ${at + 1} of ${id} does not follow the one before it`);
    }
    end = segment.start + segment.duration;
  }
}

function requireLength(track: Track, durationS: number | undefined): void {
  const madeS = lengthS(track);
  // Some files say less than they have.
  if (durationS === undefined || isWhole(madeS, durationS)) return;
  throw new KnownError(`Of ${durationS.toFixed(2)} s only ${madeS.toFixed(2)} s came out as ${track.id}`, {
    code: 'OUTPUT_TOO_SHORT',
  });
}

function requireAligned([first, ...others]: readonly Track[]): void {
  if (first === undefined) return;
  const startS = ({ segments, timescale }: Track, at: number) =>
    (segments[at]?.start ?? Number.NaN) / timescale;
  for (const other of others) {
    const isAligned =
      other.segments.length === first.segments.length &&
      first.segments.every((_, at) => Math.abs(startS(first, at) - startS(other, at)) <= SAME_TIME_S);
    if (!isAligned) throw wrong(`${first.id} and ${other.id} are not cut at the same times`);
  }
}

function wrong(message: string): KnownError {
  return new KnownError(message, { code: 'FFMPEG_FAILED', retry: 'backoff' });
}
