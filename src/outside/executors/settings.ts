import { z } from 'zod';
import { entriesOf, secret, text, url, whole } from '../../lib/setting-kinds.ts';
import { STATE_MACHINE_ARN } from './state-machine.ts';

/** What takes minutes of a processor, and needs nothing but its input. */
const TASKS = ['transcode', 'trim', 'thumbnail', 'sprite', 'waveform'] as const;

/** What the environment says of where steps are done. */
export const executorSettings = {
  EXECUTOR: z
    .enum(['local', 'http', 'lambda', 'gcp', 'workers'])
    .default('local')
    .describe(
      'Who does the steps of EXECUTOR_TASKS: local: this machine; http: a program at EXECUTOR_URL; lambda: AWS Step Functions; gcp: Google Cloud Run; workers: whoever comes for them (docs/executors.md)',
    ),
  EXECUTOR_URL: url().optional().describe('Address that jobs are sent to with EXECUTOR=http'),
  EXECUTOR_SECRET: secret()
    .optional()
    .describe('Shown there as a bearer token; unset: jobs are sent without one'),
  EXECUTOR_SILENCE_S: whole(1)
    .default(120)
    .describe('Seconds after which a job that says nothing is given up, and handed out anew'),
  EXECUTOR_TASKS: z
    .string()
    .transform(entriesOf)
    .pipe(
      z
        .array(z.enum(TASKS, { error: `each entry is one of ${TASKS.join(', ')}` }))
        .min(1, { error: 'names no task' }),
    )
    .default([...TASKS])
    .describe('Tasks whose steps are handed out where EXECUTOR is not local, comma-separated'),
  LAMBDA_STATE_MACHINE_ARN: text()
    .regex(STATE_MACHINE_ARN, {
      error: 'must be such as arn:aws:states:eu-central-1:123456789012:stateMachine:sluice',
    })
    .optional()
    .describe('State machine of the type STANDARD that each job is an execution of, with EXECUTOR=lambda'),
  LAMBDA_ENDPOINT: url()
    .optional()
    .describe('Address of Step Functions; unset: that of the region in LAMBDA_STATE_MACHINE_ARN'),
  LAMBDA_KEY_ID: text().optional().describe('Access key id that may start and stop these executions'),
  LAMBDA_SECRET: secret().optional().describe('Secret access key of LAMBDA_KEY_ID'),
  LAMBDA_SESSION_TOKEN: secret()
    .optional()
    .describe(
      'Session token of LAMBDA_KEY_ID where that is a temporary key (ASIA…); unset: it is one that lasts',
    ),
  GCP_JOB: text()
    .regex(/^projects\/[^/\s]+\/locations\/[^/\s]+\/jobs\/[^/\s:]+$/, {
      error: 'must be such as projects/academy/locations/europe-west3/jobs/sluice',
    })
    .optional()
    .describe('Job of Cloud Run that each job is an execution of, with EXECUTOR=gcp'),
  GCP_KEY_FILE: text()
    .startsWith('/', { error: 'must be an absolute path' })
    .optional()
    .describe('File of the key (JSON) of a service account that may run that job with overrides'),
  GCP_ENDPOINT: url().default('https://run.googleapis.com').describe('Address of Cloud Run'),
} as const;

type Values = { readonly [Name in keyof typeof executorSettings]: z.output<(typeof executorSettings)[Name]> };

/** What each kind of executor cannot do without. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  http: ['EXECUTOR_URL'],
  lambda: ['LAMBDA_STATE_MACHINE_ARN', 'LAMBDA_KEY_ID', 'LAMBDA_SECRET'],
  gcp: ['GCP_JOB', 'GCP_KEY_FILE'],
  workers: [],
};

/** Which settings are missing for the executor that is wanted, and why they are needed. */
export function executorConflicts(
  present: Readonly<Record<string, string | undefined>>,
): { readonly name: string; readonly text: string }[] {
  const wanted = present['EXECUTOR']?.trim() ?? 'local';
  const needed = NEEDED[wanted];
  if (needed === undefined) return [];
  return [
    ...needed.map((name) => ({ name, text: `is required with EXECUTOR=${wanted}` })),
    { name: 'PUBLIC_URL', text: `is required with EXECUTOR=${wanted}, which reads and answers there` },
  ].filter(({ name }) => present[name] === undefined);
}

/** Where jobs are handed out to, and how; `undefined`: every step is done on this machine. */
export function executorPlace(e: Values & { readonly PUBLIC_URL?: string | undefined }) {
  switch (e.EXECUTOR) {
    case 'local':
      return undefined;
    case 'http':
      return e.EXECUTOR_URL === undefined
        ? undefined
        : { kind: 'http' as const, url: e.EXECUTOR_URL, secret: e.EXECUTOR_SECRET };
    case 'lambda':
      return lambdaPlace(e);
    case 'gcp':
      return e.GCP_JOB && e.GCP_KEY_FILE
        ? { kind: 'gcp' as const, job: e.GCP_JOB, keyFile: e.GCP_KEY_FILE, endpoint: e.GCP_ENDPOINT }
        : undefined;
    case 'workers':
      return e.PUBLIC_URL === undefined
        ? undefined
        : { kind: 'workers' as const, baseUrl: e.PUBLIC_URL.replace(/\/+$/, '') };
  }
}

function lambdaPlace(e: Values) {
  const { LAMBDA_STATE_MACHINE_ARN: stateMachineArn, LAMBDA_KEY_ID: keyId, LAMBDA_SECRET: secretKey } = e;
  const { partition, region } = STATE_MACHINE_ARN.exec(stateMachineArn ?? '')?.groups ?? {};
  if (!stateMachineArn || !keyId || !secretKey || !region) return undefined;
  const domain = partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  return {
    kind: 'lambda' as const,
    stateMachineArn,
    region,
    endpoint: e.LAMBDA_ENDPOINT ?? `https://states.${region}.${domain}`,
    keyId,
    secretKey,
    sessionToken: e.LAMBDA_SESSION_TOKEN,
  };
}
