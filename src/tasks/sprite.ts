import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { even } from '../domain/media/encoding.ts';
import { shownSize } from '../domain/media/media-file.ts';
import { repairChain } from '../domain/media/repair.ts';
import { pictureCount, type SpriteLayout, sheetCount, spriteVtt } from '../domain/media/sprite.ts';
import type { TaskShape } from '../domain/recipe.ts';
import { scanPackets } from './support/look-into.ts';
import { requireVideo } from './support/media-input.ts';
import { createMediaTask, type MediaWork, type OutputTools } from './support/media-step.ts';
import { outputPlaces, toPlace } from './support/output-params.ts';

const paramsShape = z.strictObject({
  ...toPlace,
  intervalS: z.number().min(1).max(3600).default(5).describe('From one picture to the next, in seconds'),
  width: z.int().min(16).max(640).default(160).describe('Of one picture, in pixels'),
  columns: z.int().min(1).max(20).default(10).describe('Pictures beside each other on a sheet'),
  rows: z.int().min(1).max(20).default(10).describe('Pictures below each other on a sheet'),
});

export const shape = {
  name: 'sprite',
  label: 'Sprite',
  lane: 'media',
  makesOutputs: true,
  reports: 'seconds',
  takes: { file: 'proved' },
  params: paramsShape,
  places: outputPlaces,
} as const satisfies TaskShape;

type Params = z.infer<typeof paramsShape>;

/** More than the sheets of a whole day take. */
const SCRATCH_BYTES = 500_000_000;

/** Of a picture, its height over its width: what stands more upright is shown between bars. */
const MOST_UPRIGHT = 4;

const sheetName = (index: number) => `sprite-${String(index + 1).padStart(3, '0')}.jpg`;

/**
 * Makes small pictures of a film at even times, many on a sheet, and a WebVTT file that says which is when, for players to
 * show beside the pointer on the timeline.
 *
 * Safe to repeat: see `createMediaTask`.
 */
export const makeTask = (tools: OutputTools) =>
  createMediaTask({ shape, tools, scratchBytes: () => SCRATCH_BYTES, work: makeSprite });

async function makeSprite(work: MediaWork<Params>) {
  const { input, params, folder, run } = work;
  const { columns, rows, intervalS } = params;
  const { durationS } = input;
  const video = requireVideo(input.file);
  const shown = shownSize(video);
  const widthPx = even(params.width);
  const aspect = Math.min(MOST_UPRIGHT, shown.heightPx / shown.widthPx);
  const heightPx = even(params.width * aspect);
  const layout: SpriteLayout = { columns, rows, widthPx, heightPx, intervalS };
  const pictures = pictureCount(durationS, intervalS);
  const sheets = sheetCount(pictures, layout);

  // Far less work, where they are dense enough to show each interval.
  const counting = { ffmpeg: { ...work.programs.ffmpeg, run } };
  const { largestGapS } = await scanPackets(counting, {
    args: input.args,
    video,
    signal: work.signal,
  });
  const hasKeyframesOnly = largestGapS <= intervalS;
  const filters = [
    `fps=1/${intervalS}:start_time=0:eof_action=pass`,
    // Behind the last picture of the film, and before its sound ends.
    `tpad=stop=-1:stop_mode=clone,trim=end_frame=${pictures}`,
    // So small that no combs are seen.
    ...repairChain({ ...video, isInterlaced: false }, { widthPx, heightPx }, undefined),
    `tile=${columns}x${rows}`,
    'format=yuvj420p',
  ];
  await run({
    args: [
      ...(hasKeyframesOnly ? ['-skip_frame', 'nokey'] : []),
      ...input.args,
      ...['-map', `0:${video.index}`, '-vf', filters.join(','), '-frames:v', String(sheets)],
      ...['-q:v', '4', '-f', 'image2', 'sprite-%03d.jpg'],
    ],
  });
  await writeFile(join(folder, 'sprite.vtt'), spriteVtt(layout, { durationS, sheetName }));

  const sheetSize = { widthPx: columns * widthPx, heightPx: rows * heightPx };
  for (let index = 0; index < sheets; index += 1) await work.provePicture(sheetName(index), sheetSize);
  for (let index = 0; index < sheets; index += 1) {
    await work.put(sheetName(index), { mediaType: 'image/jpeg' });
  }
  // Last, for it names the others.
  await work.put('sprite.vtt', { mediaType: 'text/vtt', durationS });
  return { ...layout, pictures, hasKeyframesOnly };
}
