import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { KnownError } from '../../domain/errors.ts';
import { lengthS, type Track } from '../../domain/media/manifests.ts';
import type { MediaFile } from '../../domain/media/media-file.ts';
import { isWhole } from '../../domain/media/output.ts';
import type { MediaTools } from './look-into.ts';
import type { Beginning } from './segment-sender.ts';

/** Segments of two renditions begin at the same time, within a part of one picture. */
const SAME_TIME_S = 0.02;

/** So much of the beginning of each track is decoded, in seconds: a keyframe and what stands on it. */
const TRIED_S = 1;

/**
 * Proves that the segments make a package: no track lacks a part of the film, and all renditions are cut at the same times.
 *
 * @throws KnownError `OUTPUT_TOO_SHORT`, `FFMPEG_FAILED`
 */
export function proveCuts(tracks: readonly Track[], file: MediaFile): void {
  requireWhole(tracks, file);
  requireAligned(tracks.filter(({ kind }) => kind === 'video'));
}

/**
 * Proves that each track can be decoded, by its beginning: as soon as that is there, for what plays in no player is not to be made to
 * its end.
 *
 * @param folder For what is tried.
 * @throws KnownError `FFMPEG_FAILED`, `MEDIA_BROKEN`, `OUTPUT_TOO_SHORT`
 */
export async function tryToDecode(of: {
  readonly media: Pick<MediaTools, 'ffmpeg'>;
  readonly beginnings: readonly Beginning[];
  readonly folder: string;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { media, beginnings, folder, signal } = of;
  const inputs: string[] = [];
  for (const [at, { kind, paths }] of beginnings.entries()) {
    const path = join(folder, `try-${at}.${kind}`);
    for (const part of paths) {
      await pipeline(createReadStream(part), createWriteStream(path, { flags: 'a' }));
    }
    // One thread: more cost more to start than they gain.
    inputs.push('-threads', '1', '-t', String(TRIED_S), ...(await media.ffmpeg.input(path, kind)));
  }
  // All in one run, for the start of ffmpeg costs as much as decoding a segment.
  const outputs = beginnings.flatMap((_, at) => ['-map', String(at)]);
  const args = ['-xerror', ...inputs, ...outputs, '-f', 'null', '-'];
  const longestS = Math.max(...beginnings.map(({ durationS }) => durationS));
  await media.ffmpeg.run({ args, expectedS: Math.min(TRIED_S, longestS), signal, isSmall: true });
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
