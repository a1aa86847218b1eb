import type { z } from 'zod';
import type { WorkerDefinition } from './definition.ts';
import { messageOf, WorkerSetupError } from './errors.ts';
import { createWorker, type Worker } from './worker.ts';

export type { Job, JobOutcome, WorkerDefinition } from './definition.ts';
export type { Log } from './log.ts';

/**
 * Runs a worker until it is told to stop, and ends the process: with 0, or with 1 where it could not start or an order of `SOURCE_ORDERS`
 * failed. A first SIGTERM or SIGINT lets the job at hand end, a second does not, and its order goes to another worker.
 */
export async function runWorker<Schema extends z.ZodObject>(
  definition: WorkerDefinition<Schema>,
): Promise<void> {
  let worker: Worker;
  try {
    worker = createWorker(definition, {
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
