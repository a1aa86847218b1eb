import { z } from 'zod';
import type { KnownError } from '../../domain/errors.ts';
import type { Executor } from '../../engine/ports/executor.ts';
import type { Call } from '../../engine/ports/store.ts';
import { parseJson, type Request, type Response, readText, send } from '../../lib/http.ts';
import { createGoogleTokens, type GoogleTokensOptions } from './google-token.ts';
import { describeRefusal, isRefusedFor, requireFits, type Verdict, verdictIn } from './refusals.ts';

const LABEL = 'Google Cloud Run';

/** The variable that a container finds its job in, and the most bytes that it may hold. */
const VARIABLE = 'SLUICE_JOB';
const MAX_VARIABLE_BYTES = 32_768;

/** What the states of Google's errors speak of. */
const VERDICTS: Readonly<Record<string, Verdict>> = {
  PERMISSION_DENIED: 'mend',
  UNAUTHENTICATED: 'mend',
  NOT_FOUND: 'mend',
  // Of the job of Cloud Run: its image is not there, or it has never been ready.
  FAILED_PRECONDITION: 'mend',
  RESOURCE_EXHAUSTED: 'busy',
  UNAVAILABLE: 'down',
  INTERNAL: 'down',
  DEADLINE_EXCEEDED: 'down',
  ABORTED: 'down',
  INVALID_ARGUMENT: 'job',
  OUT_OF_RANGE: 'job',
};

const errorShape = z.object({ error: z.object({ status: z.string(), message: z.string().optional() }) });

const EXECUTION = /^projects\/[^/\s]+\/locations\/[^/\s]+\/jobs\/[^/\s]+\/executions\/[^/\s]+$/;

/** An operation that makes an execution, which its metadata describe. */
const operationShape = z.object({ metadata: z.object({ name: z.string().regex(EXECUTION) }) });

/** A job of Cloud Run, as far as it is looked at. */
const jobShape = z.object({
  terminalCondition: z.object({ state: z.string().optional(), message: z.string().optional() }).optional(),
  template: z.object({ template: z.object({ maxRetries: z.number().optional() }).optional() }).optional(),
});

export interface GcpOptions extends GoogleTokensOptions {
  /** `projects/…/locations/…/jobs/…` */
  readonly job: string;
  /** Without a slash at the end. */
  readonly endpoint: string;
}

/**
 * Begins each job as an execution of a job of Cloud Run, in whose environment it stands as JSON (`SLUICE_JOB`).
 *
 * Not idempotent: Cloud Run has no name for what it is asked for, so a start whose answer got lost and that is repeated
 * begins a second execution. What that says by its callbacks has the same id and token.
 */
export function createGcpExecutor(options: GcpOptions): Executor {
  const { job: cloudRunJob } = options;
  const ask = createAsk(options);
  return {
    name: 'gcp',
    service: 'executor',
    label: LABEL,

    async start(job, call) {
      const value = JSON.stringify(job);
      requireFits(value, { label: LABEL, maxBytes: MAX_VARIABLE_BYTES });
      const overrides = { containerOverrides: [{ env: [{ name: VARIABLE, value }] }], taskCount: 1 };
      const { request, text } = await ask(`${cloudRunJob}:run`, { overrides }, call);
      return { ref: parseJson(request, text, operationShape).metadata.name };
    },

    async stop(execution, call) {
      // What another executor has begun is called otherwise.
      if (!EXECUTION.test(execution)) return;
      try {
        await ask(`${execution}:cancel`, {}, call);
      } catch (error) {
        // It has ended, or was removed since.
        if (!isRefusedFor(error, ['FAILED_PRECONDITION', 'NOT_FOUND'])) throw error;
      }
    },
  };
}

/** How the job of Cloud Run stands: what keeps it from being run, if anything does. Begins nothing. */
export async function describeCloudRunJob(options: GcpOptions, call: Call) {
  const { request, text } = await createAsk(options)(options.job, undefined, call);
  const { terminalCondition, template } = parseJson(request, text, jobShape);
  const { state, message } = terminalCondition ?? {};
  return {
    flaw: state === 'CONDITION_FAILED' ? (message ?? state) : undefined,
    maxRetries: template?.template?.maxRetries ?? 0,
  };
}

type Ask = (
  path: string,
  input: object | undefined,
  call: Call,
) => Promise<{ readonly request: Request; readonly text: string }>;

/** Sends a call, by GET where it has no input; once more with a new token where the one that is known is not taken. */
function createAsk({ endpoint, ...transfer }: GcpOptions): Ask {
  const tokens = createGoogleTokens(transfer);
  return async (path, input, { signal }) => {
    for (let isRepeated = false; ; isRepeated = true) {
      const token = await tokens.current({ signal });
      const request: Request = {
        service: LABEL,
        method: input === undefined ? 'GET' : 'POST',
        url: `${endpoint}/v2/${path}`,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        ...(input === undefined ? {} : { body: JSON.stringify(input) }),
        signal,
        idleTimeoutMs: transfer.idleTimeoutMs,
        minBytesPerSecond: transfer.minBytesPerSecond,
      };
      const response = await send(request);
      const text = await readText(request, response);
      if (response.status >= 200 && response.status <= 299) return { request, text };
      if (response.status === 401) tokens.drop(token);
      if (response.status !== 401 || isRepeated) throw refusalOf(request, response, text);
    }
  };
}

function refusalOf(request: Request, response: Response, text: string): KnownError {
  const { status: reason, message } = errorIn(text);
  return describeRefusal(request, response, {
    text: reason === undefined ? text : [reason, message].filter(Boolean).join(': '),
    verdict: verdictIn(VERDICTS, reason),
    reason,
  });
}

function errorIn(text: string): { status?: string; message?: string } {
  try {
    return errorShape.parse(JSON.parse(text)).error;
  } catch {
    return {};
  }
}
