import { open } from 'node:fs/promises';
import { KnownError } from '../../domain/errors.ts';
import type { PacketFacts } from '../../domain/media/copy-rule.ts';
import { requireWithinLimits } from '../../domain/media/limits.ts';
import {
  type MediaFile,
  PROBE_ENTRIES,
  readMediaFile,
  type VideoStream,
} from '../../domain/media/media-file.ts';
import type { Ffmpeg } from '../../engine/ports/ffmpeg.ts';
import type { Ffprobe } from '../../lib/ffprobe.ts';

/** What looks into files, and works on them. */
export interface MediaTools {
  readonly ffprobe: Ffprobe;
  readonly ffmpeg: Ffmpeg;
}

/** @throws KnownError `TOOL_MISSING` where the settings leave them alone */
export function requireMediaTools(tools: {
  readonly ffprobe: Ffprobe | undefined;
  readonly ffmpeg: Ffmpeg | undefined;
}): MediaTools {
  const { ffprobe, ffmpeg } = tools;
  if (ffprobe === undefined) throw missing('FFPROBE is none');
  if (ffmpeg === undefined) throw missing('FFMPEG is none');
  return { ffprobe, ffmpeg };
}

/** A file that is to be worked on. */
export interface LookedInto {
  readonly file: MediaFile & {
    /** As it says itself; where it does not, as it was measured. */
    readonly durationS: number;
  };
  /** The arguments that open it, `-i` among them. */
  readonly args: readonly string[];
}

/**
 * Says what is in a file that is to be worked on, and how it is opened.
 *
 * @throws KnownError `NOT_MEDIA`, `MEDIA_BROKEN`, `MEDIA_REFUSED`, `TOOL_MISSING`
 */
export async function lookInto(
  { ffprobe, ffmpeg }: MediaTools,
  path: string,
  signal: AbortSignal,
): Promise<LookedInto> {
  const args = await ffmpeg.input(path);
  const file = await lookAt(ffprobe, path);
  signal.throwIfAborted();
  if (file === undefined) {
    // Of one that is broken ffmpeg says so in words.
    await ffmpeg.run({ args: [...args, '-t', '0', '-f', 'null', '-'], signal });
    throw missing('ffprobe is not there, or says nothing of this file');
  }
  // Before it is read to its end.
  requireWithinLimits(file);
  const durationS = file.durationS ?? (await ffmpeg.run({ args: [...args, ...NOWHERE], signal })).outTimeS;
  requireWithinLimits({ ...file, durationS });
  return { file: { ...file, durationS }, args };
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

/** Looks at each packet of a film: where it can be cut, how much there is of it, and whether it stays what it is. */
export async function scanPackets(
  { ffmpeg }: Pick<MediaTools, 'ffmpeg'>,
  { args, video, signal }: { args: readonly string[]; video: VideoStream; signal: AbortSignal },
): Promise<PacketFacts> {
  const parameters = new Set<string>();
  let unitS = 0;
  let keyS: number | undefined;
  let firstS = 0;
  let endS = 0;
  let largestGapS = 0;
  let bytes = 0;
  let rest = '';
  // One line each: stream, dts, pts, duration, size, checksum, and where it is no keyframe its flags.
  const read = (line: string): void => {
    const unit = /^#tb 0: (\d+)\/(\d+)/.exec(line);
    if (unit !== null) unitS = Number(unit[1]) / Number(unit[2]);
    const [stream, , pts, duration, size, ...more] = line.split(',').map((field) => field.trim());
    if (line.startsWith('#') || size === undefined) return;
    if (stream === '1') {
      parameters.add(more[0] ?? '');
      return;
    }
    const atS = Number(pts) * unitS;
    bytes += Number(size);
    firstS = Math.min(firstS, atS);
    endS = Math.max(endS, atS + Number(duration) * unitS);
    if (more.some((field) => field.startsWith('F='))) return;
    largestGapS = Math.max(largestGapS, atS - (keyS ?? 0));
    keyS = atS;
  };
  await ffmpeg.run({
    args: [
      ...[...args, '-map', `0:${video.index}`, '-c', 'copy'],
      ...(video.codec === 'h264' ? ['-map', `0:${video.index}`, ...PARAMETERS_ONLY] : []),
      ...['-f', 'framecrc', 'pipe:1'],
    ],
    signal,
    onOutput(chunk) {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(read);
    },
  });
  return {
    largestGapS: Math.max(largestGapS, endS - (keyS ?? 0)),
    bitsPerS: endS > 0 ? (8 * bytes) / endS : Number.POSITIVE_INFINITY,
    hiddenS: -firstS,
    isChanging: parameters.size > 1,
  };
}

/** Of the second stream, all but what says how its pictures are coded (sequence parameter sets) is left out. */
const PARAMETERS_ONLY = ['-bsf:v:1', 'filter_units=pass_types=7'];

function missing(why: string): KnownError {
  return new KnownError(`The file cannot be worked on: ${why}`, { code: 'TOOL_MISSING', retry: 'backoff' });
}
