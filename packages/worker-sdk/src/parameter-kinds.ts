import { z } from 'zod';
import type { ParameterKind } from './order.ts';
import { isBooleanText, isNumberText } from './parameter-schema.ts';

/** Numbers that came as text are read; what JavaScript would round, and numbers with a fraction, are no integers. */
const integer = z.preprocess(
  (value) => (typeof value === 'string' && isNumberText(value) ? Number(value) : value),
  z.int('it is no integer that can be told exactly'),
);
const float = z.preprocess(
  (value) => (typeof value === 'string' && isNumberText(value) ? Number(value) : value),
  z.number('it is no number'),
);
const boolean = z.preprocess((value) => {
  if (typeof value === 'number') return value !== 0;
  return typeof value === 'string' && isBooleanText(value) ? value === 'true' : value;
}, z.boolean('it is neither true nor false'));
const text = z.string('it is no text');
const milliseconds = z.int().min(0);
const segment = z.object({ start: milliseconds, end: milliseconds });

const KINDS: Record<ParameterKind, z.ZodType> = {
  string: text,
  integer,
  float,
  number: float,
  boolean,
  array_of_strings: z.array(text, 'it is no array of texts'),
  array_of_integers: z.array(integer, 'it is no array of integers'),
  array_of_media_segments: z.array(segment, 'it is no array of segments, each with start and end'),
  requirements: z.object({ paths: z.array(text).optional() }, 'it is no object with paths'),
  credential: text,
};

/** A value as its kind says; a problem in words where it is none of that kind. */
export function readKind(
  kind: ParameterKind,
  value: unknown,
): { readonly value: unknown } | { readonly problem: string } {
  const parsed = KINDS[kind].safeParse(value);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? '' : ` (at ${issue.path.join('.')})`;
  return { problem: `not of the kind "${kind}": ${issue?.message}${place}` };
}
