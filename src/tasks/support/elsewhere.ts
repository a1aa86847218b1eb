import { randomBytes, randomUUID } from 'node:crypto';
import { copyFile, link, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { hasCode, isOutage, KnownError, systemCode } from '../../domain/errors.ts';
import { codeOfFailure, type HandedDone, type HandedFailure } from '../../domain/handed-over.ts';
import { askedMs } from '../../domain/next-attempt.ts';
import type { Bytes } from '../../engine/bytes.ts';
import type { Executor } from '../../engine/ports/executor.ts';
import type { TaskContext, WithdrawContext } from '../../engine/task.ts';
import type { HandedJob, HandedOver } from '../../ledger/handed-over.ts';
import { pause } from '../../lib/abort.ts';
import { sha256 } from '../../lib/digest.ts';
import { makeFolder, removeAll } from '../../lib/files.ts';
import { wallMs } from '../../lib/wall-time.ts';

/** Has steps done by programs elsewhere, and brings what they make here. */
export interface Elsewhere {
  /** Whether a step of this task is handed over; what needs more than its input, such as a picture of this machine, is not. */
  takes(task: string, params: object): boolean;
  /**
   * Hands a step over, or goes on with a job that an earlier attempt has handed over, and waits until that has ended. What
   * was made lies in the folder then, by its names.
   *
   * @param maxBytes All that it makes
   * @throws KnownError `EXECUTOR_DOWN`, `EXECUTOR_SILENT`, `EXECUTOR_FAILED`, or what the program says itself
   */
  run(
    context: Owner & Pick<TaskContext, 'params' | 'encodes' | 'log'>,
    at: { readonly bytes: Bytes; readonly folder: string; readonly maxBytes: number },
  ): Promise<HandedDone>;
  /** No attempt goes on with a job of this step: its files go, and what still runs elsewhere is stopped where that is possible. */
  end(context: Owner): Promise<void>;
  /** Removes the files of jobs that nobody waits for, and forgets those that are old. */
  tidy(): Promise<void>;
}

type Owner = Pick<WithdrawContext, 'recording' | 'step' | 'log'> & { readonly signal: AbortSignal };

export interface ElsewhereOptions {
  readonly executor: Executor;
  readonly handedOver: HandedOver;
  readonly tasks: readonly string[];
  /** Where programs elsewhere reach this host, without a slash at the end. */
  readonly baseUrl: string;
  /** A job of which nothing is heard for so long is given up. */
  readonly silenceMs: number;
  /** Where what they make comes in. */
  readonly directory: string;
  readonly log: Logger;
}

/** What is known of a job that has begun: how it stands is looked up. */
type Followed = Pick<HandedJob, 'id' | 'files'>;

/** How often it is looked whether something was heard, in milliseconds. */
const LOOK_EVERY_MS = 500;

/** After so many workers that have fallen silent over a step it is the step that has failed. */
const MOST_SILENT = 3;

/** How long an executor that is away is left alone, in milliseconds. */
const AWAY_MS = 30_000;

/** How long it may take to stop a job that nobody waits for, in milliseconds. */
const STOP_MS = 10_000;

/** How long closed jobs are remembered, so that what comes late of them is answered with why it is not wanted. */
const REMEMBERED_MS = 7 * 24 * 3600_000;

export function createElsewhere(options: ElsewhereOptions): Elsewhere {
  const { executor, handedOver, tasks, baseUrl, silenceMs, directory } = options;

  async function begin(
    context: Owner & Pick<TaskContext, 'params'>,
    { bytes, maxBytes }: { readonly bytes: Bytes; readonly maxBytes: number },
  ): Promise<Followed> {
    const { recording, step, signal } = context;
    const id = randomUUID();
    const [token, key] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')];
    const files = {
      inputPath: bytes.path,
      inputType: bytes.mediaType,
      inputBytes: bytes.totalBytes,
      contentId: bytes.contentId,
      folder: join(directory, id),
      maxBytes,
    };
    await makeFolder(files.folder);
    const secrets = { tokenHash: sha256(token), filesHash: sha256(key) };
    await handedOver.add({ id, recordingId: recording.id, step: step.id, files, ...secrets });
    const job = {
      job: { id, task: step.task, params: paramsOf(context.params), inputName: `input.${bytes.extension}` },
      inputUrl: `${baseUrl}/api/jobs/${id}/${key}/input`,
      outputPrefix: `${baseUrl}/api/jobs/${id}/${key}/outputs/`,
      token,
      callbackUrl: `${baseUrl}/api/jobs/${id}/callback`,
    };
    try {
      const { ref } = await executor.start(job, { signal });
      await handedOver.begun(id, ref);
      context.log.info({ event: 'step.handed-over', job: id, executor: executor.name, ref }, 'handed over');
    } catch (error) {
      await close({ id, files, ref: null });
      throw isOutage(error) ? away(executor, error) : error;
    }
    return { id, files };
  }

  /** A job of an earlier attempt that has begun, of the same bytes; others are closed. */
  async function resume({ recording, step }: Owner, { contentId }: Bytes): Promise<Followed | undefined> {
    const [newest, ...older] = await handedOver.of(recording.id, step.id);
    for (const each of older) await close(each);
    if (newest === undefined) return undefined;
    if (newest.hasBegun && newest.state !== 'failed' && newest.files.contentId === contentId) return newest;
    await close(newest);
    return undefined;
  }

  /** @returns what was made; `undefined`: the step was given back undone */
  async function follow(
    { signal, encodes }: Owner & Pick<TaskContext, 'encodes'>,
    { id }: Followed,
  ): Promise<HandedDone | undefined> {
    let heardCount = -1;
    let heardMs = performance.now();
    for (;;) {
      const job = await handedOver.get(id);
      if (job === undefined || job.state === 'closed') return undefined;
      if (job.state === 'done') return job.end as HandedDone;
      if (job.state === 'failed') throw failureOf(job.end as HandedFailure);
      if (executor.isPulled && job.takenBy === null) {
        heardMs = performance.now();
      } else if (job.heardCount !== heardCount) {
        heardCount = job.heardCount;
        heardMs = performance.now();
        if (job.doneS > 0) encodes(job.doneS, job.totalS);
      } else if (performance.now() - heardMs > silenceMs) {
        throw new KnownError(
          `${executor.label} has not been heard of for ${Math.round(silenceMs / 1000)} s (job ${id})`,
          { code: 'EXECUTOR_SILENT', retry: 'backoff' },
        );
      }
      await pause(LOOK_EVERY_MS, signal);
    }
  }

  /** Of what workers come for, one that falls silent or gives the step back costs no attempt: it waits for the next one. */
  async function untilDone(
    context: Owner & Pick<TaskContext, 'params' | 'encodes'>,
    { bytes, maxBytes }: { readonly bytes: Bytes; readonly maxBytes: number },
  ): Promise<{ readonly job: Followed; readonly done: HandedDone }> {
    for (let silent = 0; ; ) {
      const job = (await resume(context, bytes)) ?? (await begin(context, { bytes, maxBytes }));
      try {
        const done = await follow(context, job);
        if (done !== undefined) return { job, done };
        if (!executor.isPulled) throw givenBack();
      } catch (error) {
        if (!executor.isPulled || !hasCode(error, 'EXECUTOR_SILENT')) throw error;
        silent += 1;
        if (silent >= MOST_SILENT) throw error;
      }
      context.log.warn({ event: 'step.handed-on', job: job.id }, 'it waits for another worker');
      await close({ ...job, ref: null });
    }
  }

  async function close({ id, files, ref }: Pick<HandedJob, 'id' | 'files' | 'ref'>): Promise<void> {
    await handedOver.close(id);
    await removeAll(files.folder);
    if (ref === null) return;
    // It is told at its next callback that it is not wanted, if it cannot be stopped now.
    await executor
      .stop?.(ref, { signal: AbortSignal.timeout(STOP_MS) })
      .catch((err) => options.log.warn({ event: 'step.not-stopped', job: id, err }, 'it runs on elsewhere'));
  }

  async function end({ recording, step }: Owner): Promise<void> {
    for (const job of await handedOver.of(recording.id, step.id)) {
      await close(job.state === 'open' ? job : { ...job, ref: null });
    }
  }

  return {
    takes: (task, params) => tasks.includes(task) && !('mark' in params && params.mark !== undefined),

    async run(context, { bytes, folder, maxBytes }) {
      try {
        const { job, done } = await untilDone(context, { bytes, maxBytes });
        for (const { name } of done.outputs) await bring(join(job.files.folder, name), join(folder, name));
        return done;
      } catch (error) {
        // A worker that stops leaves it to the next one, which goes on waiting.
        if (!context.signal.aborted || hasCode(context.signal.reason, 'STOP_ASKED')) await end(context);
        throw error;
      }
    },

    end,

    async tidy() {
      for (const id of await readdir(directory).catch(() => [])) {
        const job = await handedOver.get(id);
        if (job === undefined || job.state === 'closed') await removeAll(join(directory, id));
      }
      await handedOver.forget(wallMs() - REMEMBERED_MS);
    },
  };
}

/** Of another file system it is copied. */
async function bring(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'ENOTSUP'].includes(systemCode(error) ?? '')) throw error;
    await copyFile(from, to);
  }
}

/** Where outputs go is the business of this side. */
function paramsOf(params: unknown): object {
  const { to, createBucket, dontReplace, ...others } = params as Record<string, unknown>;
  return others;
}

function failureOf(failure: HandedFailure): KnownError {
  const { message, isFinal } = failure;
  return new KnownError(message, {
    code: codeOfFailure(failure),
    retry: isFinal ? 'never' : 'backoff',
  });
}

function givenBack(): KnownError {
  return new KnownError('The step was given back undone', { code: 'EXECUTOR_FAILED', retry: 'backoff' });
}

function away({ label }: Executor, cause: KnownError): KnownError {
  return new KnownError(`${label} takes no work now: ${cause.message}`, {
    code: 'EXECUTOR_DOWN',
    retry: { waitMs: Math.max(AWAY_MS, askedMs(cause)) },
    cause,
  });
}
