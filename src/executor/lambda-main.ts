import { type Executor, openExecutor, readJob } from './executor.ts';

let opened: Promise<Executor> | undefined;

/** What AWS Lambda calls with a job. A failure of the job itself was said to Sluice, so that nobody is to call it again. */
export async function handler(event: unknown): Promise<{ readonly how: string }> {
  const job = readJob(event);
  opened ??= openExecutor(process.env);
  return { how: await (await opened).work(job) };
}
