import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { KnownError, orMachineTrouble } from '../domain/errors.ts';
import { type Callback, codeOfFailure } from '../domain/handed-over.ts';
import type { OutputsFact } from '../domain/media/output.ts';
import type { TaskFile } from '../engine/task-files.ts';
import { refusal } from '../lib/http.ts';
import { retryInPlace } from '../tasks/support/retry-in-place.ts';
import type { Tools } from '../tasks/support/tools.ts';
import { askSluice } from './ask.ts';
import { createHouse, type HouseOptions } from './house.ts';
import { createJobFiles } from './job-files.ts';

/** A job as it is handed over, see `RemoteJob`. What is not known here is left alone. */
export const remoteJob = z.object({
  job: z.object({
    id: z.string().min(1),
    task: z.string().min(1),
    params: z.unknown(),
    inputName: z.string().default('input'),
  }),
  inputUrl: z.url({ protocol: /^https?$/ }),
  outputPrefix: z.url({ protocol: /^https?$/ }).endsWith('/'),
  token: z.string().min(1),
  callbackUrl: z.url({ protocol: /^https?$/ }),
});

export type Job = z.output<typeof remoteJob>;

export interface WorkOptions {
  readonly tasks: ReadonlyMap<string, TaskFile<Tools>>;
  readonly programs: HouseOptions['programs'];
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** How often it is said that the work goes on, in milliseconds. */
const CALL_EVERY_MS = 5000;

/** How long a program that is stopped tries to give its job back, in milliseconds. */
const GIVE_BACK_MS = 3000;

const ATTEMPTS = 8;
const IDLE_TIMEOUT_MS = 30_000;

/**
 * Does the step of a job with the task that Sluice itself would use, and says by callbacks how far it is and what became of
 * it. Keeps nothing of it. Done twice, the second one is told that nobody waits for it.
 *
 * @throws KnownError where nobody could be told of the end
 */
export async function doJob(job: Job, options: WorkOptions): Promise<'done' | 'failed' | 'unwanted'> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let progress: { doneS?: number; totalS?: number } = {};

  const sayOnce = (said: Callback, until: AbortSignal) =>
    askSluice(
      job.callbackUrl,
      { secret: job.token, body: said, signal: until, idleTimeoutMs: IDLE_TIMEOUT_MS },
      z.object({ repeated: z.boolean().optional() }),
      refusalOf,
    );
  const say = (said: Callback) =>
    retryInPlace({ attempts: ATTEMPTS, pauseMs: 500 }, options.signal, () => sayOnce(said, options.signal));
  /** Its silence would say the same, only later. */
  const giveBack = () =>
    sayOnce({ status: 'returned' }, AbortSignal.timeout(GIVE_BACK_MS)).catch((error: unknown) =>
      options.log.warn({ event: 'job.not-returned', err: error }, 'a job could not be given back'),
    );

  let isUnwanted = false;
  let isSaying = false;
  const sayOn = async () => {
    if (isSaying) return;
    isSaying = true;
    try {
      await say({ status: 'running', ...progress });
    } catch (error) {
      if (!isFinalRefusal(error)) return;
      isUnwanted = true;
      stop.abort(error);
    } finally {
      isSaying = false;
    }
  };
  const calling = setInterval(() => void sayOn(), CALL_EVERY_MS);
  try {
    await sayOn();
    signal.throwIfAborted();
    const fact = await run(job, {
      ...options,
      signal,
      onProgress(doneS, totalS) {
        progress = { doneS, totalS };
      },
    });
    clearInterval(calling);
    await say(doneOf(fact));
    return 'done';
  } catch (error) {
    clearInterval(calling);
    if (isUnwanted || isFinalRefusal(error)) return 'unwanted';
    if (options.signal.aborted) {
      await giveBack();
      throw error;
    }
    options.log.warn({ event: 'job.failed', job: job.job.id, err: error }, 'a job has failed');
    await say({ status: 'failed', error: failureOf(error) });
    return 'failed';
  } finally {
    clearInterval(calling);
  }
}

/** What Sluice says of a secret that opens nothing is for good: it has no other. */
function refusalOf(...[request, status, text, headers]: Parameters<typeof refusal>): KnownError {
  const error = refusal(request, status, text, headers);
  if (status !== 401) return error;
  return new KnownError(error.message, { code: 'HANDED_SECRET_WRONG', details: error.details });
}

/** Whether Sluice does not want to hear of this job any more. */
function isFinalRefusal(error: unknown): boolean {
  if (!(error instanceof KnownError)) return false;
  return error.details['status'] === 409 || error.details['status'] === 401;
}

function failureOf(thrown: unknown) {
  const error = orMachineTrouble(thrown);
  if (!(error instanceof KnownError)) {
    return {
      message: `${error instanceof Error ? error.message : String(error)}`.slice(0, 4000),
      isFinal: false,
    };
  }
  const said = { code: error.code, message: error.message.slice(0, 4000) };
  // What is known of the file and the work is final; what was met on the way to them may heal.
  const isOfWork = codeOfFailure({ ...said, isFinal: false }) !== 'EXECUTOR_FAILED';
  return { ...said, isFinal: isOfWork && error.retry === 'never' };
}

function doneOf({ to, named, prefix, outputs, cost, ...told }: OutputsFact): Callback {
  return {
    status: 'done',
    outputs: outputs.map(({ key, mediaType, durationS }) => ({
      name: key.slice(key.lastIndexOf('/') + 1),
      mediaType,
      durationS,
    })),
    told,
    cost,
  };
}

/** Whether a task makes something of a file, and so can be done where nothing else is. */
export function isDoneElsewhere({ makesOutputs, takes }: TaskFile<Tools>['shape']): boolean {
  return makesOutputs === true && takes?.['file'] === 'proved';
}

/** Runs the task in a folder of its own, which is gone afterwards. */
async function run(
  { job, inputUrl, outputPrefix }: Job,
  options: WorkOptions & { onProgress(doneS: number, totalS: number): void },
): Promise<OutputsFact> {
  const { signal, log } = options;
  const file = options.tasks.get(job.task);
  if (file === undefined || !isDoneElsewhere(file.shape)) {
    throw new KnownError(`There is no task "${job.task}" here that makes something of a file`, {
      code: 'PARAMS_UNFIT',
    });
  }
  const folder = await mkdtemp(join(tmpdir(), 'sluice-job-'));
  try {
    const files = createJobFiles({
      inputUrl,
      outputPrefix,
      attempts: ATTEMPTS,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
    });
    const extension = extname(job.inputName).slice(1);
    const path = join(folder, `input${extension === '' ? '' : `.${extension}`}`);
    const totalBytes = await files.fetchInput(path, signal);
    const house = createHouse({ folder, files, programs: options.programs });
    const params = { ...(job.params as object), to: house.place.name };
    const context = house.contextOf(job, {
      input: { path, totalBytes, extension },
      params: file.shape.params === undefined ? params : parsed(file.shape.params, params),
      encodes: options.onProgress,
      signal,
      log,
    });
    return (await file.makeTask(house.tools).run(context)) as OutputsFact;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parsed(shape: z.ZodType, params: object): unknown {
  const result = shape.safeParse(params);
  if (result.success) return result.data;
  throw new KnownError(`The parameters do not fit: ${z.prettifyError(result.error)}`, {
    code: 'PARAMS_UNFIT',
  });
}
