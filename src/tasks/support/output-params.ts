import { z } from 'zod';
import { MOMENT_RULE, momentIn, readMoment } from '../../domain/media/time.ts';

/** Where outputs go unless their recipe says otherwise. */
const DEFAULT_PLACE = 'media-out';

/** To which place of outputs a step brings what it makes. */
export const toPlace = { to: z.string().default(DEFAULT_PLACE) };

/** The same of a step whose one output may go where the caller of a run says. */
export const toPlaceOrAddress = {
  to: z
    .string()
    .default(DEFAULT_PLACE)
    .describe('A place of outputs; of a run also an address, s3://bucket/key or media-out:folder/file'),
  createBucket: z.boolean().optional().describe('Of an address: make its bucket where there is none'),
  dontReplace: z.boolean().optional().describe('Of an address: fail where something lies there already'),
};

/** Which of them has to be set up. */
export const outputPlaces = { to: 'output-place' } as const;

export interface OutputParams {
  readonly to: string;
  readonly dontReplace?: boolean | undefined;
}

/** A moment of the film: seconds, the syntax of ffmpeg, or a share of its length. */
export const moment = () =>
  z.union([
    z.number().nonnegative(),
    z.string().refine((text) => readMoment(text) !== undefined, { error: `has to be ${MOMENT_RULE}` }),
  ]);

/** Where such a parameter is in a film of this length, in seconds; it may lie behind the end. */
export function secondsOf(param: number | string, durationS: number): number {
  const read = typeof param === 'number' ? { s: param } : readMoment(param);
  if (read === undefined) throw new Error(`"${param}" names no moment`);
  return momentIn(read, durationS);
}

/** Pixels of one side; 0 and -1 leave it to the other one. */
export const side = () => z.int().min(-1).max(8192).default(0);
