import { hasCode, KnownError } from '../../domain/errors.ts';
import { type Finding, fail, ok, skip, warn } from '../../domain/finding.ts';
import type { Call } from '../../engine/ports/store.ts';
import type { Checkup } from '../checkup.ts';
import type { ExecutorConfig } from '../executors.ts';
import { describeCloudRunJob, type GcpOptions } from './gcp.ts';
import { askWhetherThere, type HttpExecutorOptions } from './http.ts';
import { describeStateMachine, type LambdaOptions } from './lambda.ts';
import { isRefusedFor } from './refusals.ts';
import { executorSettings } from './settings.ts';
import { EXECUTOR } from './words.ts';

const IDLE_TIMEOUT_MS = 5000;

export const EXECUTOR_CHECKUP: Checkup<Pick<ExecutorConfig, 'executor'>> = {
  name: 'executor',
  service: EXECUTOR.service,
  needs: Object.keys(executorSettings),
  check: ({ executor }, { signal }) => checkExecutor(executor.place, { signal }),
};

/** Whether jobs can be handed out: whoever takes them answers, knows us, and is what it has to be. No job is begun. */
async function checkExecutor(place: ExecutorConfig['executor']['place'], call: Call): Promise<Finding> {
  switch (place?.kind) {
    case undefined:
      return skip('EXECUTOR is local: this machine does every step');
    case 'http':
      return checkProgram({ ...place, idleTimeoutMs: IDLE_TIMEOUT_MS }, call);
    case 'lambda':
      return checkStateMachine({ ...place, idleTimeoutMs: IDLE_TIMEOUT_MS }, call);
    case 'gcp':
      return checkCloudRunJob({ ...place, idleTimeoutMs: IDLE_TIMEOUT_MS }, call);
    case 'workers':
      return ok(`workers come for their steps at ${place.baseUrl} (sluice workers)`);
  }
}

async function checkProgram(options: HttpExecutorOptions, call: Call): Promise<Finding> {
  const status = await askWhetherThere(options, call);
  const said = `${new URL(options.url).origin} answers ${status}`;
  if (status === 401 || status === 403) {
    return fail(said, 'Set EXECUTOR_SECRET to what the program there knows as its own.');
  }
  if (status >= 300 && status <= 399) {
    return fail(
      `${said}, and nobody follows it elsewhere`,
      'Set EXECUTOR_URL to where the program really is.',
    );
  }
  if (status === 404 || status === 410) {
    return warn(said, 'Look at the path of EXECUTOR_URL, unless the program there knows nothing but POST.');
  }
  if (status >= 500) return warn(said, 'Look at the program at EXECUTOR_URL; steps wait meanwhile.');
  return ok(said);
}

async function checkStateMachine(options: LambdaOptions, call: Call): Promise<Finding> {
  try {
    const { name, type, status } = await describeStateMachine(options, call);
    if (type !== 'STANDARD') {
      return fail(
        `the state machine ${name} is of the type ${type}, which begins jobs twice and cannot be stopped`,
        'Create one of the type STANDARD, and name it in LAMBDA_STATE_MACHINE_ARN.',
      );
    }
    if (status === 'DELETING') {
      return fail(`the state machine ${name} is being deleted`, 'Create another one, and name it.');
    }
    return ok(`AWS Step Functions has the state machine ${name}`);
  } catch (error) {
    if (isRefusedFor(error, ['AccessDeniedException'])) {
      return warn(
        'AWS Step Functions knows the key, which may not look at the state machine',
        'If it may start and stop executions all works. For more to be seen here allow states:DescribeStateMachine (docs/executors.md).',
      );
    }
    return refused(error, {
      StateMachineDoesNotExist: 'Create the state machine, or correct LAMBDA_STATE_MACHINE_ARN.',
      InvalidArn: 'Correct LAMBDA_STATE_MACHINE_ARN.',
      ExpiredTokenException:
        'Set LAMBDA_KEY_ID, LAMBDA_SECRET and LAMBDA_SESSION_TOKEN to new temporary keys, or use keys that last.',
      other: 'Correct LAMBDA_KEY_ID and LAMBDA_SECRET; with temporary keys LAMBDA_SESSION_TOKEN too.',
    });
  }
}

async function checkCloudRunJob(options: GcpOptions, call: Call): Promise<Finding> {
  const name = options.job.split('/').at(-1);
  try {
    const { flaw, maxRetries } = await describeCloudRunJob(options, call);
    if (flaw !== undefined) {
      return fail(`the job ${name} of Cloud Run is not ready: ${flaw}`, 'Mend it there, or correct GCP_JOB.');
    }
    if (maxRetries > 0) {
      return warn(
        `the job ${name} of Cloud Run begins anew up to ${maxRetries} times by itself`,
        'Run "gcloud run jobs update" with --max-retries=0: what has failed is handed out anew from here.',
      );
    }
    return ok(`Google Cloud Run has the job ${name}`);
  } catch (error) {
    return refused(error, {
      NOT_FOUND: 'Create the job of Cloud Run, or correct GCP_JOB.',
      PERMISSION_DENIED: 'Give the service account roles/run.developer on this job (docs/executors.md).',
      other:
        'Look at GCP_KEY_FILE: a key of a service account that is there belongs into it (docs/executors.md).',
    });
  }
}

/** What to do about a refusal, by the code of the service. @throws what is none, or comes of nothing that is set here */
function refused(error: unknown, advice: Readonly<Record<string, string>> & { other: string }): Finding {
  if (!(error instanceof KnownError) || !hasCode(error, 'REMOTE_UNAUTHORIZED')) throw error;
  const reason = String(error.details['reason'] ?? 'other');
  return fail(error.message, (Object.hasOwn(advice, reason) ? advice[reason] : undefined) ?? advice.other);
}
