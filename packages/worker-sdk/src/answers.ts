import type { Description } from './description.ts';
import type { Parameter, ParameterKind } from './order.ts';

/** Something that a worker says, and where. */
export interface Answer {
  readonly exchange: string;
  readonly key: string;
  readonly body: object;
  /** It is said even if that has to wait for a new connection; what else is said is worth something at its time alone. */
  readonly isLasting: boolean;
}

/** Says it, and resolves when it is kept safely; rejects where it is refused. */
export type Send = (answer: Answer) => Promise<void>;

type JobStatus = 'initialized' | 'running' | 'stopped' | 'completed' | 'error';

/** Where a job stands, word for word as it travels; all five are always there. */
export interface JobResult {
  readonly job_id: number;
  readonly status: JobStatus;
  readonly destination_paths: readonly string[];
  /** In seconds. */
  readonly execution_duration: number;
  readonly parameters: readonly SentParameter[];
}

interface SentParameter {
  readonly id: string;
  readonly type: ParameterKind;
  readonly value: unknown;
  readonly default: null;
  readonly store: null;
}

export interface JobFacts {
  readonly jobId: number;
  readonly status: JobStatus;
  readonly durationMs?: number;
  readonly destinationPaths?: readonly string[];
  readonly parameters?: Readonly<Record<string, unknown>>;
}

export function jobResult({
  jobId,
  status,
  durationMs = 0,
  destinationPaths = [],
  parameters = {},
}: JobFacts): JobResult {
  return {
    job_id: jobId,
    status,
    destination_paths: destinationPaths,
    execution_duration: durationMs / 1000,
    parameters: Object.entries(parameters)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([id, value]) => toParameter(id, value)),
  };
}

const JOB_RESPONSE = 'job_response';
const WORKER_RESPONSE = 'worker_response';

/** How a job has ended. */
export function endAnswer(result: JobResult): Answer {
  return { exchange: JOB_RESPONSE, key: `job_${result.status}`, body: result, isLasting: true };
}

/** That a job has failed; orchestrators take it with exactly one parameter, the message. */
export function errorAnswer(
  message: string,
  { jobId, durationMs }: { jobId: number | undefined; durationMs?: number },
): Answer {
  if (jobId === undefined) {
    const body = { status: 'error', message };
    return { exchange: JOB_RESPONSE, key: 'job_error', body, isLasting: true };
  }
  return endAnswer(
    jobResult({ jobId, status: 'error', durationMs: durationMs ?? 0, parameters: { message } }),
  );
}

export function progressAnswer({
  jobId,
  percent,
  instanceId,
}: {
  jobId: number;
  percent: number;
  instanceId: string;
}): Answer {
  const datetime = new Date().toISOString();
  const body = { job_id: jobId, progression: percent, datetime, docker_container_id: instanceId };
  return { exchange: JOB_RESPONSE, key: 'job_progression', body, isLasting: false };
}

/** What the worker itself says of a job that goes on. */
export function workerAnswer(
  event: 'initialized' | 'started' | 'updated' | 'terminated',
  result: JobResult,
): Answer {
  return { exchange: WORKER_RESPONSE, key: `worker_${event}`, body: result, isLasting: true };
}

/** That the worker is there: to the orchestrators of all generations. */
export function presenceAnswers(description: Description): Answer[] {
  return [
    { exchange: JOB_RESPONSE, key: 'worker_discovery', body: description, isLasting: false },
    { exchange: WORKER_RESPONSE, key: 'worker_created', body: description, isLasting: false },
  ];
}

export function statusAnswer(body: object): Answer {
  return { exchange: WORKER_RESPONSE, key: 'worker_status', body, isLasting: false };
}

/** The machine alone, as the oldest orchestrators ask for it, by a queue of its own. */
export function oldStatusAnswer(systemInfo: object): Answer {
  return { exchange: '', key: 'worker_status_response', body: systemInfo, isLasting: false };
}

function toParameter(id: string, value: unknown): SentParameter {
  const type = kindOf(value);
  const isText = type === 'string' && typeof value !== 'string';
  return { id, type, value: isText ? JSON.stringify(value) : value, default: null, store: null };
}

/** The kind that says a value best; what none says is told as JSON in a text. */
function kindOf(value: unknown): Parameter['type'] {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'float';
  if (typeof value === 'boolean') return 'boolean';
  if (!Array.isArray(value)) return 'string';
  if (value.every((item) => typeof item === 'string')) return 'array_of_strings';
  if (value.every((item) => Number.isSafeInteger(item))) return 'array_of_integers';
  return value.every(isSegment) ? 'array_of_media_segments' : 'string';
}

function isSegment(item: unknown): boolean {
  if (typeof item !== 'object' || item === null) return false;
  const { start, end, ...more } = item as { start?: unknown; end?: unknown };
  return Number.isSafeInteger(start) && Number.isSafeInteger(end) && Object.keys(more).length === 0;
}
