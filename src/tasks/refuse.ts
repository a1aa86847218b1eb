import { z } from 'zod';
import { ERROR_CATALOGUE, type ErrorCode } from '../domain/error-catalogue.ts';
import { KnownError } from '../domain/errors.ts';
import { LOOK_LANE, type TaskShape } from '../domain/recipe.ts';
import type { Task } from '../engine/task.ts';

const paramsShape = z.strictObject({
  code: z.enum(Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]]),
  message: z.string().min(1).max(1000),
});

export const shape = {
  name: 'refuse',
  label: 'Refuse',
  lane: LOOK_LANE,
  makesOutputs: true,
  params: paramsShape,
  takes: { file: 'proved' },
} as const satisfies TaskShape;

/**
 * Stands for an output that cannot be as it was asked for, where the callers of a door expect of it that this one fails, and the
 * others are made.
 *
 * Safe to repeat: it only fails.
 */
export function makeTask(): Omit<Task<z.output<typeof paramsShape>, never, never>, keyof TaskShape> {
  return {
    async run({ params: { code, message } }) {
      throw new KnownError(message, { code });
    },
  };
}
