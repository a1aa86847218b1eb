import type { Logger } from 'pino';
import { KnownError } from '../domain/errors.ts';
import { createFfprobe } from '../lib/ffprobe.ts';
import { parseJson } from '../lib/json.ts';
import { createFfmpeg } from '../outside/ffmpeg/driver.ts';
import { loadTasks } from '../tasks/support/files.ts';
import { createLogger } from '../telemetry/logger.ts';
import { readExecutorSettings } from './settings.ts';
import { doJob, isDoneElsewhere, type Job, remoteJob } from './work.ts';

export interface Executor {
  readonly settings: ReturnType<typeof readExecutorSettings>;
  readonly log: Logger;
  /** The tasks that it can do: those that make something of a file. */
  readonly tasks: readonly string[];
  /** Ends jobs that are under way: their silence has them handed out anew. */
  readonly stop: AbortController;
  /** Does a job; what goes wrong is said to whom it belongs, and logged. */
  work(job: Job): ReturnType<typeof doJob>;
  /** The same, and never fails: where nobody could be told of the end it is a line of the log. */
  attend(job: Job): Promise<unknown>;
}

/** @throws KnownError `CONFIG_INVALID` */
export async function openExecutor(env: Readonly<Record<string, string | undefined>>): Promise<Executor> {
  const settings = readExecutorSettings(env);
  const tasks = await loadTasks();
  const log = createLogger({ level: settings.logLevel, name: 'sluice-executor', scrub: (line) => line });
  const stop = new AbortController();
  const programs = {
    ffmpeg: createFfmpeg(settings.programs.ffmpeg),
    ffprobe: createFfprobe(settings.programs.ffprobe),
  };
  async function work(job: Job) {
    log.info({ event: 'job.began', job: job.job.id, task: job.job.task }, 'a job has begun');
    const how = await doJob(job, { tasks, programs, signal: stop.signal, log });
    log.info({ event: 'job.ended', job: job.job.id, how }, 'a job has ended');
    return how;
  }
  return {
    settings,
    log,
    tasks: [...tasks].flatMap(([name, { shape }]) => (isDoneElsewhere(shape) ? name : [])),
    stop,
    work,
    attend: (job) =>
      work(job).catch((error: unknown) =>
        log.error({ event: 'job.lost', err: error }, 'nobody could be told'),
      ),
  };
}

/** @throws KnownError `REQUEST_INVALID` */
export function readJob(value: unknown): Job {
  const read = remoteJob.safeParse(typeof value === 'string' ? parseJson(value) : value);
  if (read.success) return read.data;
  throw new KnownError('This is no job of Sluice: it needs job, inputUrl, outputPrefix, token, callbackUrl', {
    code: 'REQUEST_INVALID',
    cause: read.error,
  });
}
