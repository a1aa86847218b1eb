import { vi } from 'vitest';
import type { Job, JobOutcome } from '../../packages/worker-sdk/src/definition.ts';
import { type Orchestrator, type SeenAnswer, startOrchestrator } from './orchestrator.ts';
import { startRabbitmq, type TestRabbitmq } from './rabbitmq.ts';
import { startWorker, type TestParameters, type TestWorker } from './worker.ts';

/** For which a broker may take to start on a busy machine. */
export const WORLD_TIMEOUT_MS = 120_000;

type Process = Parameters<typeof startWorker>[1];

/** A broker, an orchestrator, and workers of the tests that find each other there. */
export interface WorkerWorld {
  readonly rabbitmq: TestRabbitmq;
  orchestrator: Orchestrator;
  /** A worker that is connected, and hears what is sent to it. */
  connected(
    process: Process,
    more?: Parameters<typeof startWorker>[2] & { env?: NodeJS.ProcessEnv },
  ): Promise<TestWorker>;
  /** What it has said of itself. */
  about(worker: TestWorker): SeenAnswer[];
  /** How it has said that it is. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  statusesOf(worker: TestWorker): any[];
  /** The first answer of this key about a job, once it is there. */
  answer(jobId: number, key: string): Promise<SeenAnswer>;
  /** What an error about a job says, once it is there. */
  messageOf(jobId: number): Promise<string>;
  nextJobId(): number;
  /** Waits for what becomes true, or is something. */
  until<Found>(find: () => Found | Promise<Found>): Promise<Found>;
  stopWorkers(): Promise<void>;
  close(): Promise<void>;
}

export async function openWorkerWorld(): Promise<WorkerWorld> {
  const rabbitmq = await startRabbitmq();
  const workers: TestWorker[] = [];
  let jobs = 90_000;
  const until: WorkerWorld['until'] = async (find) =>
    (await vi.waitUntil(find, { timeout: 20_000 })) as Awaited<ReturnType<typeof find>>;
  const world: WorkerWorld = {
    rabbitmq,
    orchestrator: await startOrchestrator(rabbitmq.port),
    async connected(process, { env = {}, ...more } = {}) {
      const worker = startWorker({ AMQP_PORT: String(rabbitmq.port), ...env }, process, more);
      workers.push(worker);
      await until(async () => {
        if (world.about(worker).length < 2) return false;
        const { consumerCount } = await world.orchestrator.channel.checkQueue(worker.queue);
        return consumerCount === 1;
      });
      return worker;
    },
    about: ({ instanceId }) =>
      world.orchestrator.answers.filter(({ body }) => body.instance_id === instanceId),
    statusesOf: ({ instanceId }) =>
      world.orchestrator.answers
        .filter(({ key, body }) => key === 'worker_status' && body.worker.instance_id === instanceId)
        .map(({ body }) => body),
    answer: async (jobId, key) => {
      const found = await until(() =>
        world.orchestrator.answers.find((each) => each.key === key && each.body.job_id === jobId),
      );
      if (found === undefined) throw new Error(`no ${key} of job ${jobId} has come`);
      return found;
    },
    messageOf: async (jobId) => (await world.answer(jobId, 'job_error')).body.parameters[0].value,
    nextJobId() {
      jobs += 1;
      return jobs;
    },
    until,
    async stopWorkers() {
      for (const worker of workers.splice(0)) {
        worker.stop();
        await worker.ended;
      }
    },
    async close() {
      await world.orchestrator.close();
      await rabbitmq.stop();
    },
  };
  return world;
}

/** A job that ends when the test says so, or when it is stopped. */
export function latch() {
  let release: (outcome?: JobOutcome) => void = () => undefined;
  const released = new Promise<JobOutcome | undefined>((resolve) => {
    release = resolve;
  });
  const seen: Job<TestParameters>[] = [];
  return {
    seen,
    release: (outcome?: JobOutcome) => release(outcome),
    process: (job: Job<TestParameters>) => {
      seen.push(job);
      const stopped = new Promise<never>((_, reject) =>
        job.signal.addEventListener('abort', () => reject(job.signal.reason)),
      );
      return Promise.race([released, stopped]);
    },
  };
}
