import type { z } from 'zod';
import type { WorkerDefinition } from './definition.ts';
import { messageOf, WorkerSetupError } from './errors.ts';
import { type FrameWorkerDefinition, frameParameters, frameWorker } from './frames/frame-worker.ts';
import { createWorker, type Worker } from './worker.ts';

export type { Job, JobOutcome, WorkerDefinition } from './definition.ts';
export type { Frame, WantedStream } from './frames/decode.ts';
export type { FrameResult, FrameWorkerDefinition } from './frames/frame-worker.ts';
export type { Log } from './log.ts';
export { frameParameters };

/**
 * Runs a worker until it is told to stop, and ends the process: with 0, or with 1 where it could not start or an order of `SOURCE_ORDERS`
 * failed. A first SIGTERM or SIGINT lets the job at hand end, a second does not, and its order goes to another worker.
 */
export async function runWorker<Schema extends z.ZodObject>(
  definition: WorkerDefinition<Schema>,
): Promise<void> {
  await run(() => definition);
}

async function run<Schema extends z.ZodObject>(define: () => WorkerDefinition<Schema>): Promise<void> {
  let worker: Worker;
  try {
    worker = createWorker(define(), {
      env: process.env,
      print: (text) => process.stdout.write(text),
      writeLog: (line) => process.stderr.write(line),
    });
  } catch (error) {
    if (!(error instanceof WorkerSetupError)) throw error;
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => worker.stop());
  process.exit(await worker.run());
}

/** Runs a worker that is handed the frames of its sources; ffmpeg and ffprobe are those of the system. */
export async function runFrameWorker<Schema extends z.ZodObject>(
  definition: FrameWorkerDefinition<Schema>,
): Promise<void> {
  await run(() => frameWorker(definition));
}
