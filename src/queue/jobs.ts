import { DelayedError, type Job, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { isOfTheLedger } from '../ledger/sqlite-dialect.ts';
import { pause, withinTime } from '../lib/abort.ts';
import { isAway, KEY_PREFIX } from './connection.ts';

/** What became of a job: finished with, to be run again at a time, or given back to the front of the line. */
export type Outcome = 'finished' | 'given-back' | { readonly againAtMs: number };

/** How soon a job is run again that could not read or write the ledger, in milliseconds; the others could not either. */
const LEDGER_PAUSE_MS = 1000;

export interface JobWorker {
  /** Takes no more jobs, asks the running ones to stop, and waits for them no longer than this. */
  stop(timeoutMs: number): Promise<void>;
}

/**
 * Runs `process` for each job in line. A worker that dies is noticed within `lockMs` and a second, and its job runs
 * again: `process` must not rely on being the only one (the ledger's gate sees to that), nor on running once.
 */
export function startJobWorker(options: {
  name: string;
  connection: Redis;
  concurrency: number;
  lockMs: number;
  process: (id: string, signal: AbortSignal) => Promise<Outcome>;
  log: Logger;
}): JobWorker {
  const { log } = options;

  // BullMQ hands the signal only to a function of three parameters.
  async function run(job: Job<{ id: string }>, token?: string, signal?: AbortSignal): Promise<void> {
    const { id } = (job.data ?? {}) as { id?: unknown };
    // Whoever reaches Redis can put there what they like; what is no job of ours is done with.
    if (typeof id !== 'string')
      return log.warn({ event: 'job.foreign' }, 'a job that nobody of us has put in line');
    const outcome = await processInPlace(id, signal ?? new AbortController().signal);
    if (outcome === 'finished') return;
    if (outcome === 'given-back') {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    await job.moveToDelayed(outcome.againAtMs, token);
    throw new DelayedError();
  }

  /** A job that the ledger has failed keeps its place in line. */
  async function processInPlace(id: string, signal: AbortSignal): Promise<Outcome> {
    try {
      return await options.process(id, signal);
    } catch (error) {
      if (!isOfTheLedger(error)) throw error;
      log.warn({ event: 'job.ledger-failed', id, err: error }, 'the ledger cannot be used, tried again');
      await pause(LEDGER_PAUSE_MS, signal).catch(() => {});
      return 'given-back';
    }
  }

  const worker = new Worker<{ id: string }>(options.name, run, {
    connection: options.connection,
    prefix: KEY_PREFIX,
    concurrency: options.concurrency,
    lockDuration: options.lockMs,
    stalledInterval: 1000,
    // A job that outlived many workers is set aside by the ledger's count, not by this one.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    runRetryDelay: 1000,
  });
  worker.on('error', (error) => {
    if (!isAway(error)) log.warn({ event: 'worker.error', err: error }, 'worker error');
  });
  worker.on('stalled', (jobId) =>
    log.warn({ event: 'job.stalled', id: jobId }, 'job of a dead worker taken over'),
  );

  return {
    async stop(timeoutMs) {
      // Closing first: otherwise the loop picks the returned job up again.
      const closed = worker.close();
      worker.cancelAllJobs('shutting down');
      if (!(await withinTime(closed, timeoutMs))) {
        log.warn({ event: 'worker.abandoned' }, 'a job did not stop in time');
        void worker.close(true).catch(() => {});
      }
    },
  };
}
