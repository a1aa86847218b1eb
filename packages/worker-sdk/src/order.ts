import { z } from 'zod';
import { OrderError } from './errors.ts';

/** The kinds of values that an order may carry. */
const PARAMETER_KINDS = [
  'string',
  'integer',
  'float',
  'number',
  'boolean',
  'array_of_strings',
  'array_of_integers',
  'array_of_media_segments',
  'requirements',
  'credential',
] as const;
export type ParameterKind = (typeof PARAMETER_KINDS)[number];

/** One parameter as it travels. Without `value` its `default` holds; without both it is as if it were not there. */
export interface Parameter {
  readonly id: string;
  readonly type: ParameterKind;
  readonly value?: unknown;
  readonly default?: unknown;
  /** Where the value is to be read; `value` is its key there. */
  readonly store?: string;
}

const JOB_KINDS = [
  'job',
  'init_process',
  'start_process',
  'stop_process',
  'update_process',
  'reached_expiration',
] as const;
const WORKER_KINDS = [
  'status',
  'stop_worker',
  'stop_consuming_jobs',
  'resume_consuming_jobs',
  'get_black_list',
  'sync_black_list',
] as const;
const BLACK_LIST_KINDS = ['add_to_black_list', 'delete_from_black_list'] as const;

export interface JobOrder {
  readonly kind: (typeof JOB_KINDS)[number];
  readonly jobId: number;
  readonly parameters: readonly Parameter[];
}

/** What a worker may be told, by its queue of jobs and directly alike. */
export type Order =
  | JobOrder
  | { readonly kind: (typeof WORKER_KINDS)[number] }
  | { readonly kind: (typeof BLACK_LIST_KINDS)[number]; readonly jobIds: readonly number[] };

const MAX_ORDER_BYTES = 4 * 1024 * 1024;

/** Numbers of jobs go up to 2^64, and those that JavaScript would round are refused. */
const jobIdSchema = z.int().min(0);
const parameterSchema = z.object({
  id: z.string(),
  type: z.string(),
  value: z.unknown().optional(),
  default: z.unknown().optional(),
  store: z.string().nullish(),
});
const jobSchema = z.object({ job_id: jobIdSchema, parameters: z.array(parameterSchema) });
const blackListSchema = z
  .object({
    job_id: jobIdSchema.optional(),
    job_ids: z.array(jobIdSchema).optional(),
    jobs: z.array(jobIdSchema).optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'it names no job');

/** Reads an order. Without a kind, or with one that nobody knows, it is a job, if it has what a job needs. */
export function parseOrder(body: Uint8Array): Order {
  if (body.byteLength > MAX_ORDER_BYTES) {
    throw new OrderError(`The order has ${body.byteLength} bytes, and may have ${MAX_ORDER_BYTES}`);
  }
  const order = parseText(body);
  const kind = typeof order === 'object' && order !== null && 'type' in order ? order.type : undefined;
  if (isOneOf(WORKER_KINDS, kind)) return { kind };
  if (isOneOf(BLACK_LIST_KINDS, kind)) {
    const { job_id, job_ids, jobs } = parse(blackListSchema, order);
    return { kind, jobIds: [...(job_id === undefined ? [] : [job_id]), ...(job_ids ?? []), ...(jobs ?? [])] };
  }
  const job = parse(jobSchema, order);
  const parameters = job.parameters.map((parameter) => toParameter(parameter, job.job_id));
  return { kind: isOneOf(JOB_KINDS, kind) ? kind : 'job', jobId: job.job_id, parameters };
}

function parseText(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new OrderError('The order is no JSON', { cause: error });
  }
}

function parse<Parsed>(schema: z.ZodType<Parsed>, order: unknown): Parsed {
  const parsed = schema.safeParse(order);
  if (parsed.success) return parsed.data;
  const known = z.object({ job_id: jobIdSchema }).safeParse(order);
  const [issue] = parsed.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  throw new OrderError(`The order cannot be read${place}: ${issue?.message}`, {
    ...(known.success && { jobId: known.data.job_id }),
  });
}

function toParameter(parameter: z.infer<typeof parameterSchema>, jobId: number): Parameter {
  const { id, type, value, default: fallback, store } = parameter;
  if (!isOneOf(PARAMETER_KINDS, type)) {
    throw new OrderError(`Parameter "${id}" is of the kind "${type}", which no order may carry`, { jobId });
  }
  return {
    id,
    type,
    ...(value !== undefined && value !== null && { value }),
    ...(fallback !== undefined && fallback !== null && { default: fallback }),
    ...(store !== undefined && store !== null && { store }),
  };
}

function isOneOf<Kind extends string>(kinds: readonly Kind[], kind: unknown): kind is Kind {
  return kinds.some((known) => known === kind);
}
