import { z } from 'zod';
import { CONTAINERS } from '../domain/media/containers.ts';
import { even, sizeWithin } from '../domain/media/encoding.ts';
import { overlayOf } from '../domain/media/overlay.ts';
import type { TaskShape } from '../domain/recipe.ts';
import { type Encoding, encode, proofOf } from './support/encode.ts';
import { type MarkTools, markArgs, markParams } from './support/marks.ts';
import { requireVideo } from './support/media-input.ts';
import { createMediaTask, type MediaWork, type OutputTools } from './support/media-step.ts';
import { outputPlaces, toPlaceOrAddress } from './support/output-params.ts';

const paramsShape = z.strictObject({
  ...toPlaceOrAddress,
  ...markParams,
  quality: z.enum(['small', 'good', 'best']).default('good'),
});

export const shape = {
  name: 'watermark',
  label: 'Watermark',
  lane: 'media',
  makesOutputs: true,
  keysAt: (key) => [key],
  reports: 'seconds',
  takes: { file: 'proved' },
  params: paramsShape,
  places: outputPlaces,
} as const satisfies TaskShape;

type Params = z.infer<typeof paramsShape>;

const NAME = 'watermarked.mp4';

const scratchBytes = (sourceBytes: number) => 2 * sourceBytes + 100_000_000;

/**
 * Draws a picture on a film, which is encoded anew for that.
 *
 * Safe to repeat: see `createMediaTask`.
 */
export const makeTask = (tools: OutputTools & MarkTools) =>
  createMediaTask({
    shape,
    tools,
    scratchBytes,
    work: (work: MediaWork<Params>) => drawMark(work, tools),
  });

async function drawMark(work: MediaWork<Params>, tools: MarkTools) {
  const { input, params } = work;
  const { durationS } = input;
  const video = requireVideo(input.file);
  const { audio } = input.file;
  const args = await markArgs(tools, params.mark, work);
  const size = sizeWithin(video, Number.POSITIVE_INFINITY);
  const markWidthPx = even(size.widthPx * params.share);
  const encoding: Encoding = {
    container: CONTAINERS.mp4,
    quality: params.quality,
    video: { stream: video, codec: 'h264', size },
    ...(audio && { audio: { stream: audio, codec: 'aac' } }),
    mark: { args, overlay: (film) => overlayOf(film, { markWidthPx, position: params.position }) },
  };
  const { outTimeS } = await encode(work, encoding, NAME);
  const wantedS = Math.max(durationS, outTimeS);
  const made = await work.prove(NAME, proofOf(encoding, wantedS));
  await work.put(NAME, { mediaType: CONTAINERS.mp4.mediaType, durationS: made.durationS ?? wantedS });
  return { ...size, markWidthPx };
}
