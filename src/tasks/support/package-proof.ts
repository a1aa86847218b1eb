import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { KnownError } from '../../domain/errors.ts';
import { lengthS, type Track } from '../../domain/media/manifests.ts';
import type { MediaFile } from '../../domain/media/media-file.ts';
import { slackS } from '../../domain/media/output.ts';
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
  /** The header and the first segment of a track. */
  readonly beginningOf: (track: number) => readonly [string, string];
  readonly folder: string;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { media, file, tracks, beginningOf, folder, signal } = of;
  for (const track of tracks) requireWhole(track, file);
  requireAligned(tracks.filter(({ kind }) => kind === 'video'));
  const inputs: string[] = [];
  for (const [at, track] of tracks.entries()) {
    const path = join(folder, `try-${track.id}.mp4`);
    const [header, segment] = beginningOf(at);
    await pipeline(createReadStream(header), createWriteStream(path));
    await pipeline(createReadStream(segment), createWriteStream(path, { flags: 'a' }));
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

function requireWhole(track: Track, { durationS }: MediaFile): void {
  const { segments, timescale, id } = track;
  let end = segments[0]?.start ?? 0;
  for (const [at, segment] of segments.entries()) {
    // One that is missing in the list has no number.
    if (segment === undefined || Math.abs(segment.start - end) > SAME_TIME_S * timescale) {
      throw wrong(`The segment ${at + 1} of ${id} does not follow the one before it`);
    }
    end = segment.start + segment.duration;
  }
  const madeS = lengthS(track);
  // Some files say less than they have.
  if (durationS === undefined || durationS - madeS <= slackS(durationS)) return;
  throw new KnownError(`Of ${durationS.toFixed(2)} s only ${madeS.toFixed(2)} s came out as ${id}`, {
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
