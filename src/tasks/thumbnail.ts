import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hasCode, KnownError } from '../domain/errors.ts';
import { even } from '../domain/media/encoding.ts';
import { shownSize, type VideoStream } from '../domain/media/media-file.ts';
import { overlayOf } from '../domain/media/overlay.ts';
import { repairChain } from '../domain/media/repair.ts';
import type { TaskShape } from '../domain/recipe.ts';
import { type DrawnMark, drawnMark, type MarkTools, markArgs } from './support/marks.ts';
import { requireVideo } from './support/media-input.ts';
import { createMediaTask, type MediaWork, type OutputTools, type PictureSize } from './support/media-step.ts';
import { moment, outputPlaces, secondsOf, side, toPlaceOrAddress } from './support/output-params.ts';

const paramsShape = z.strictObject({
  ...toPlaceOrAddress,
  time: moment()
    .default('0')
    .describe('Of the picture: 55, 00:01:14.5, 200ms, or a share of the length such as 50%'),
  width: side().describe('In pixels; 0 or -1: by the height, and as the film is shown'),
  height: side().describe('In pixels; 0 or -1: by the width, and as the film is shown'),
  format: z
    .enum(['jpeg', 'png'])
    .optional()
    .describe('Default: png where it goes to a key that ends so, else jpeg'),
  mark: drawnMark.describe('A picture that is drawn on it, as watermark does'),
});

export const shape = {
  name: 'thumbnail',
  label: 'Thumbnail',
  lane: 'media',
  makesOutputs: true,
  keysAt: (key) => [key],
  reports: 'seconds',
  takes: { file: 'proved' },
  params: paramsShape,
  places: outputPlaces,
} as const satisfies TaskShape;

type Params = z.infer<typeof paramsShape>;

/** More than a picture of any size takes. */
const SCRATCH_BYTES = 50_000_000;

/** So long before its end a film surely still shows something, in seconds. */
const BEFORE_END_S = 0.1;

/** How far back is looked for a picture where there is none, in seconds; at last from the beginning. */
const LOOK_BACK_S = [10, 120, Number.POSITIVE_INFINITY];

/** Of a side. */
const MOST_PX = 8192;

/** By its format: the name of its file, and what ffmpeg is told beside that. */
const FORMATS = {
  jpeg: { name: 'thumbnail.jpg', mediaType: 'image/jpeg', pixels: 'yuvj420p', args: ['-q:v', '3'] },
  png: { name: 'thumbnail.png', mediaType: 'image/png', pixels: 'rgb24', args: [] },
} as const;

type Format = (typeof FORMATS)[keyof typeof FORMATS];

/**
 * Makes a JPEG or PNG of one moment of a film, as it is shown: turned upright, with square pixels and in standard brightness.
 *
 * Safe to repeat: see `createMediaTask`.
 */
export const makeTask = (tools: OutputTools & MarkTools) =>
  createMediaTask({
    shape,
    tools,
    scratchBytes: () => SCRATCH_BYTES,
    work: (work: MediaWork<Params>) => makeThumbnail(work, tools),
  });

async function makeThumbnail(work: MediaWork<Params>, tools: MarkTools) {
  const { input, params } = work;
  const video = requireVideo(input.file);
  const size = pictureSize(video, params);
  const wantedS = secondsOf(params.time, input.durationS);
  const atS = Math.max(0, Math.min(wantedS, input.durationS - BEFORE_END_S));

  const format = formatOf(params);
  const mark = params.mark && { ...params.mark, args: await markArgs(tools, params.mark.mark, work) };
  await takePicture(work, video, size, { atS, mark, format });
  await work.provePicture(format.name, size);
  await work.put(format.name, { mediaType: format.mediaType });
  return { ...size, atS };
}

function formatOf({ format, to }: Params): Format {
  return FORMATS[format ?? (/\.png$/i.test(to) ? 'png' : 'jpeg')];
}

/** Behind the last picture ffmpeg ends well and writes nothing: then the last one before is taken. */
async function takePicture(
  { run, input, folder }: MediaWork<Params>,
  video: VideoStream,
  size: PictureSize,
  {
    atS,
    mark,
    format: { name, pixels, args: quality },
  }: {
    readonly atS: number;
    readonly mark: (DrawnMark & { args: string[] }) | undefined;
    readonly format: Format;
  },
): Promise<void> {
  const film = `[0:${video.index}]${repairChain(video, size, undefined).join(',')}`;
  const drawn =
    mark === undefined
      ? film
      : overlayOf(film, { markWidthPx: even(size.widthPx * mark.share), position: mark.position });
  const output = [
    ...['-filter_complex', `${drawn},format=${pixels}[picture]`, '-map', '[picture]'],
    ...[...quality, '-f', 'image2', '-update', '1', name],
  ];
  // Some that were cut off cannot be sought in any more, not even for their beginning.
  const from = (seconds: number) => [
    ...(seconds > 0 ? ['-ss', String(seconds)] : []),
    ...input.args,
    ...(mark?.args ?? []),
  ];
  const attempts = [
    [...from(atS), '-frames:v', '1', ...output],
    // Each picture is written over the one before it.
    ...LOOK_BACK_S.map((backS) => [...from(Math.max(0, atS - backS)), ...output]),
  ];
  for (const [at, args] of attempts.entries()) {
    try {
      await run({ args });
    } catch (error) {
      const mayBeElsewhere = hasCode(error, 'MEDIA_BROKEN') && at + 1 < attempts.length;
      if (!mayBeElsewhere) throw error;
    }
    if (await isThere(join(folder, name))) return;
  }
  throw new KnownError('The file has no picture that can be shown', { code: 'MEDIA_BROKEN' });
}

/**
 * As asked for, in even numbers; what is left open keeps the shape that the film is shown in.
 *
 * @throws KnownError `PARAMS_UNFIT`
 */
function pictureSize(video: VideoStream, { width, height }: Pick<Params, 'width' | 'height'>): PictureSize {
  const shown = shownSize(video);
  const aspect = shown.widthPx / shown.heightPx;
  const widthPx = even(width > 0 ? width : height > 0 ? height * aspect : shown.widthPx);
  const heightPx = even(height > 0 ? height : width > 0 ? width / aspect : shown.heightPx);
  if (Math.max(widthPx, heightPx) <= MOST_PX) return { widthPx, heightPx };
  const message = `The picture would be ${widthPx} × ${heightPx}, and ${MOST_PX} are the most`;
  throw new KnownError(message, { code: 'PARAMS_UNFIT' });
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
