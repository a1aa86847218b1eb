import { z } from 'zod';
import { hasCode, KnownError } from '../domain/errors.ts';
import { readInput, shownInput } from '../domain/input.ts';
import { outputExists } from '../domain/output-address.ts';
import { LOOK_LANE, type TaskShape } from '../domain/recipe.ts';
import type { Task } from '../engine/task.ts';
import { outputPlaceMissing, placeNamed } from './support/output-sender.ts';
import type { Tools } from './support/tools.ts';

const address = z.string().min(1).max(4000);

const paramsShape = z
  .strictObject({
    input: address.optional().describe('That something is there: s3://bucket/key'),
    outputs: z
      .strictObject({
        place: address.describe('That it is there: a place of outputs, or s3://bucket'),
        isMade: z.boolean().default(false).describe('Make the bucket where there is none'),
        freeKeys: z.array(address).default([]).describe('That nothing lies at these keys of it'),
      })
      .optional(),
  })
  .refine(({ input, outputs }) => (input === undefined) !== (outputs === undefined), {
    error: 'has to say what is looked for: either input or outputs',
  });

export const shape = {
  name: 'preflight',
  label: 'Preflight',
  lane: LOOK_LANE,
  params: paramsShape,
} as const satisfies TaskShape;

type Params = z.output<typeof paramsShape>;

/** How many things were looked for and found as they have to be. */
interface Fact {
  readonly passed: number;
}

const checkpointShape = z.looseObject({ passed: z.number() });

/** How many things a step looks for. */
export function checksIn({ outputs }: Pick<Params, 'outputs'>): number {
  return 1 + (outputs?.freeKeys?.length ?? 0);
}

/**
 * Makes sure that what a run needs is there, before anything of it is moved or made: its input, or where its outputs go. What a
 * service refuses is final, for whoever has named it reaches nothing there; what it cannot say just now is asked again.
 *
 * Safe to repeat: it reads; and a bucket that it has made is there the next time.
 */
export function makeTask({
  inputs,
  outputPlaces,
}: Pick<Tools, 'inputs' | 'outputPlaces'>): Omit<
  Task<Params, Fact, z.output<typeof checkpointShape>>,
  keyof TaskShape
> {
  return {
    checkpoint: checkpointShape,

    serviceFor({ params: { input, outputs } }) {
      if (input !== undefined) return inputs.serviceOf(readInput(input));
      if (outputs === undefined) return undefined;
      return placeNamed(outputPlaces, outputs.place)?.service ?? outputs.place;
    },

    async run({ params, signal, checkLease, saveCheckpoint }) {
      const { input, outputs } = params;
      if (input !== undefined) {
        const address = readInput(input);
        const what = `${shownInput(address)} is not given out`;
        await final('INPUT_REFUSED', what, inputs.look({ address, signal }));
      }
      if (outputs !== undefined) {
        const { isMade, freeKeys } = outputs;
        const place = outputPlaces.get(outputs.place);
        if (place === undefined) throw outputPlaceMissing(outputs.place);
        const what = `Outputs may not be put into ${place.label}`;
        await checkLease();
        await final('OUTPUT_NOT_ALLOWED', what, place.require({ isMade, signal }));
        for (const [at, key] of freeKeys.entries()) {
          await saveCheckpoint({ passed: 1 + at });
          if ((await final('OUTPUT_NOT_ALLOWED', what, place.look({ key, signal }))) === undefined) continue;
          throw outputExists(`${place.place}/${key}`);
        }
      }
      return { passed: checksIn(params) };
    },
  };
}

/** What a service does not let us at is as good as not there for whoever has named it. */
async function final<T>(code: KnownError['code'], what: string, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (!hasCode(error, 'REMOTE_UNAUTHORIZED')) throw error;
    throw new KnownError(`${what}: ${error.message}`, { code, cause: error });
  }
}
