import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { createPeakMeter } from '../domain/media/peaks.ts';
import type { TaskShape } from '../domain/recipe.ts';
import { requireAudio } from './support/media-input.ts';
import { createMediaTask, type MediaWork, type OutputTools } from './support/media-step.ts';
import { outputPlaces, toPlaceOrAddress } from './support/output-params.ts';

const paramsShape = z.strictObject({
  ...toPlaceOrAddress,
  peaks: z.int().min(10).max(100_000).default(1000).describe('How many, over the whole length'),
});

export const shape = {
  name: 'waveform',
  label: 'Waveform',
  lane: 'media',
  makesOutputs: true,
  keysAt: (key) => [key],
  reports: 'seconds',
  takes: { file: 'proved' },
  params: paramsShape,
  places: outputPlaces,
} as const satisfies TaskShape;

type Params = z.infer<typeof paramsShape>;

const SCRATCH_BYTES = 10_000_000;

/** As many samples of a second are heard: for what is drawn that is enough. */
const RATE_HZ = 8000;

const NAME = 'waveform.json';

/**
 * Says how loud a recording is over its length, for players and editors to draw: JSON of `duration_s` and `peaks`, as many
 * numbers from 0 to 1 as were asked for, the loudest 1.
 *
 * Safe to repeat: see `createMediaTask`.
 */
export const makeTask = (tools: OutputTools) =>
  createMediaTask({ shape, tools, scratchBytes: () => SCRATCH_BYTES, work: makeWaveform });

async function makeWaveform({ input, params, folder, run, put }: MediaWork<Params>) {
  const audio = requireAudio(input.file);
  const meter = createPeakMeter();
  await run({
    args: [
      ...[...input.args, '-map', `0:${audio.index}`, '-ac', '1', '-ar', String(RATE_HZ)],
      // What is missing of it is silence, so that each peak is at its time.
      ...['-af', 'aresample=async=1:first_pts=0', '-f', 's16le', 'pipe:1'],
    ],
    onOutput: (chunk) => meter.add(chunk),
    // Beside pictures it may end before them.
    ...(input.file.video === undefined ? { expectedS: input.durationS } : {}),
  });
  const durationS = Math.max(input.durationS, Math.round((1000 * meter.samples()) / RATE_HZ) / 1000);
  if (meter.samples() === 0)
    throw new KnownError('The file has no sound that can be heard', { code: 'MEDIA_BROKEN' });
  await writeFile(
    join(folder, NAME),
    `${JSON.stringify({ duration_s: durationS, peaks: meter.peaks(params.peaks, durationS * RATE_HZ) })}\n`,
  );
  await put(NAME, { mediaType: 'application/json', durationS });
  return { durationS, peaks: params.peaks };
}
