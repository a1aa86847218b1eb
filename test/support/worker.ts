import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Job, JobOutcome, WorkerDefinition } from '../../packages/worker-sdk/src/definition.ts';
import { createWorker, type Worker } from '../../packages/worker-sdk/src/worker.ts';

const parameters = z.object({ source_path: z.string(), times: z.int().default(1) });
export type TestParameters = z.infer<typeof parameters>;

export interface TestWorker extends Worker {
  readonly queue: string;
  readonly instanceId: string;
  /** The lines of its log. */
  readonly lines: string[];
  /** What it has printed. */
  readonly printed: string[];
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number>;
}

let workers = 0;

/** A worker of the tests, with a queue and an id of its own, that runs in this process. */
export function startWorker(
  env: NodeJS.ProcessEnv,
  process: (job: Job<TestParameters>) => Promise<JobOutcome | undefined> | Promise<void>,
  more: Partial<WorkerDefinition<typeof parameters>> = {},
): TestWorker {
  workers += 1;
  const folder = mkdtempSync(join(tmpdir(), 'worker-'));
  const path = join(folder, 'package.json');
  writeFileSync(
    path,
    JSON.stringify({
      name: 'my-worker',
      version: '1.2.3',
      description: 'Does what a test asks',
      license: 'MIT',
    }),
  );
  const [lines, printed]: [string[], string[]] = [[], []];
  const queue = env['AMQP_QUEUE'] ?? `job_test_${globalThis.process.pid}_${workers}`;
  const instanceId = `00000000-0000-4000-8000-${String(workers).padStart(12, '0')}`;
  try {
    const worker = createWorker(
      { package: path, parameters, process, ...more },
      {
        env: { AMQP_QUEUE: queue, ...env },
        instanceId,
        print: (text) => printed.push(text),
        writeLog: (line) => lines.push(line),
      },
    );
    return { ...worker, queue, instanceId, lines, printed, ended: worker.run() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** An order that the workers of the tests understand. */
export function orderOf(jobId: number, more: readonly object[] = []) {
  const source = { id: 'source_path', type: 'string', value: '/data/talk.mp4' };
  return { job_id: jobId, parameters: [source, ...more] };
}
