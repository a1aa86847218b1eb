import { z } from 'zod';
import type { ErrorCode } from './error-catalogue.ts';

/*
 * A step can be handed over to a program elsewhere, which says by callbacks how far it is and what became of it. What it may
 * say is here, for both sides.
 */

/** All that a program elsewhere needs to do a step, as it is sent to it. */
export interface RemoteJob {
  readonly job: {
    /** A UUID. */
    readonly id: string;
    /** The task, and its parameters as a recipe has them. */
    readonly task: string;
    readonly params: unknown;
    /** What the input is called by people; its end says what kind of file it may be. */
    readonly inputName: string;
  };
  /** Where the input is read by GET, whole or by ranges, without more than this address. */
  readonly inputUrl: string;
  /** Ends in a slash: an output is written by PUT to this address and the output's name. */
  readonly outputPrefix: string;
  /** Of this job alone; said at the callback as `Authorization: Bearer`. */
  readonly token: string;
  /** Where progress and the end are said by POST. */
  readonly callbackUrl: string;
}

/** What an output may be called there: one name, without folders. */
export const handedName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, {
    error: 'must be a name of letters, digits, dots, underscores and hyphens',
  })
  .meta({ examples: ['video.mp4'] });

const seconds = z.number().min(0).max(1e7);

const handedOutput = z.strictObject({
  name: handedName,
  mediaType: z
    .string()
    .max(100)
    .regex(/^[a-z]+\/[\w.+-]+$/i, { error: 'must be a media type such as video/mp4' }),
  durationS: seconds.nullish().describe('In seconds; none of what has no length, such as a picture'),
});

/** How a program elsewhere says how its job stands. */
export const callbackBody = z.discriminatedUnion('status', [
  z.strictObject({
    status: z.literal('running'),
    doneS: seconds.optional().describe('How much of the film is done, in seconds'),
    totalS: seconds.optional().describe('How much there is in all; 0 or none: nobody knows'),
  }),
  z.strictObject({
    status: z.literal('done'),
    outputs: z.array(handedOutput).min(1).max(1000).describe('In their order; each was written before'),
    told: z.record(z.string(), z.unknown()).default({}).describe('What else the step is to prove'),
    cost: z
      .strictObject({ cpuS: seconds, wallS: seconds, peakRssBytes: z.number().min(0) })
      .optional()
      .describe('Seconds of all cores together, seconds from beginning to end, the most memory'),
  }),
  z.strictObject({
    status: z.literal('failed'),
    error: z.strictObject({
      code: z.string().max(100).optional().describe('One of docs/errors.md, where one fits'),
      message: z.string().min(1).max(4000),
      isFinal: z.boolean().default(false).describe('Whether no further attempt can help'),
    }),
  }),
  z.strictObject({
    status: z.literal('returned').describe('It gives the step back undone, for another to do'),
  }),
]);

export type Callback = z.output<typeof callbackBody>;
export type HandedDone = Extract<Callback, { status: 'done' }>;
export type HandedFailure = Extract<Callback, { status: 'failed' }>['error'];

/** What a program elsewhere may say by a code of ours: what is known of the input, the parameters and the work, and of nothing else. */
const FAILURE_CODES: readonly ErrorCode[] = [
  ...(['NOT_MEDIA', 'MEDIA_BROKEN', 'MEDIA_REFUSED', 'STREAM_MISSING', 'PARAMS_UNFIT'] as const),
  ...(['FFMPEG_FAILED', 'FFMPEG_STALLED', 'FFMPEG_MEMORY', 'OUTPUT_DIFFERS', 'OUTPUT_TOO_SHORT'] as const),
];

/** The code of a failure that a program elsewhere has reported. */
export function codeOfFailure({ code }: HandedFailure): ErrorCode {
  return FAILURE_CODES.find((each) => each === code) ?? 'EXECUTOR_FAILED';
}
