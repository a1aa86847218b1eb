import { z } from 'zod';
import { WorkerSetupError } from './errors.ts';
import type { Log } from './log.ts';

/** One job, as the worker's `process` sees it. */
export interface Job<Parameters> {
  readonly jobId: number;
  /** As they are at this moment: an orchestrator may change them while the job runs. */
  readonly parameters: Parameters;
  /** How often this order has been taken up, counted from 1. */
  readonly attempt: number;
  /** Ends what is going on once the job is stopped. */
  readonly signal: AbortSignal;
  /** Whether somebody has asked for the job to be stopped; `process` may then return early, or throw what the signal says. */
  isStopped(): boolean;
  /** Says how much is done, from 0 to 100; told to the orchestrator when a whole percent has been added. */
  progress(percent: number): void;
  readonly log: Log;
}

/** What a job has come to. */
export interface JobOutcome {
  /** Files that it has made: the inputs of the steps behind it. */
  readonly destinationPaths?: readonly string[];
  /** What the steps behind it may use; anything that JSON can say. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** A worker: what it is called, what it takes, what it does. */
export interface WorkerDefinition<Schema extends z.ZodObject = z.ZodObject> {
  /** Where its `package.json` lies, of which name, version and description are read. */
  readonly package: URL | string;
  /** What people call it, instead of the package's name. */
  readonly label?: string;
  /** A sentence about it, instead of the package's description. */
  readonly shortDescription?: string;
  /** More about it, instead of the package's description. */
  readonly description?: string;
  /** What its orders carry. */
  readonly parameters: Schema;
  /** Done once, before the first order; a worker whose `init` fails does not start. */
  init?(): Promise<void> | void;
  /** Does one job. What it throws is told to the orchestrator in its message. */
  process(job: Job<z.output<Schema>>): Promise<JobOutcome | undefined> | Promise<void>;
}

/** Throws what is wrong with a worker that no compiler has looked at. */
export function checkDefinition({ process, parameters }: WorkerDefinition): void {
  if (typeof process !== 'function') throw new WorkerSetupError('The worker has no function "process"');
  if (parameters?.type !== 'object') {
    throw new WorkerSetupError('The parameters of the worker are no object of zod, z.object({ … })');
  }
}

const outcomeSchema = z
  .object({
    destinationPaths: z.array(z.string()).optional(),
    parameters: z.record(z.string(), z.unknown()).optional(),
  })
  .optional();

/** What `process` has given back, of a worker that no compiler has looked at. */
export function readOutcome(outcome: unknown): JobOutcome {
  const parsed = outcomeSchema.safeParse(outcome);
  if (parsed.success) return parsed.data ?? {};
  const [issue] = parsed.error.issues;
  throw new TypeError(`"process" has given back no outcome: ${issue?.path.join('.')} ${issue?.message}`);
}
