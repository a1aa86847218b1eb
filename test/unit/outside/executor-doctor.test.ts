import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { statesFault } from '../../../simulators/executors/aws-refusal.ts';
import {
  type CloudRunSimulatorOptions,
  googleFault,
  startCloudRunSimulator,
} from '../../../simulators/executors/cloud-run.ts';
import {
  type StepFunctionsSimulatorOptions,
  startStepFunctionsSimulator,
} from '../../../simulators/executors/step-functions.ts';
import { startSimulator } from '../../../simulators/shared/simulator.ts';
import { EXECUTOR_CHECKUP } from '../../../src/outside/executors/doctor.ts';
import type { ExecutorConfig } from '../../../src/outside/executors.ts';

const { signal } = new AbortController();
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const look = (place: ExecutorConfig['executor']['place']) =>
  EXECUTOR_CHECKUP.check({ executor: { place } }, { signal, sendsSiteEvent: false });

function closed<S extends { close(): Promise<void> }>(simulator: S): S {
  closers.push(() => simulator.close());
  return simulator;
}

it('is left out where this machine does every step', async () => {
  expect(await look(undefined)).toMatchObject({ state: 'skip', text: expect.stringContaining('local') });
});

describe('a program at an address', () => {
  async function program(status: number, secret?: string) {
    const heard: unknown[] = [];
    const simulator = closed(
      await startSimulator({}, async ({ method, headers }) => {
        heard.push([method, headers.authorization]);
        return { status, headers: { location: 'http://127.0.0.1:1/' } };
      }),
    );
    const found = await look({ kind: 'http', url: `${simulator.url}/hidden/steps`, secret });
    return { found, heard };
  }

  it.each([
    [200, 'ok'],
    [204, 'ok'],
    [400, 'ok'],
    [405, 'ok'],
    [404, 'warn'],
    [503, 'warn'],
    [302, 'fail'],
    [401, 'fail'],
    [403, 'fail'],
  ])('that answers %i is %s', async (status, state) => {
    const { found, heard } = await program(status, 'shared-secret');

    expect(found).toMatchObject({ state, text: expect.stringContaining(String(status)) });
    expect(found.text).not.toContain('hidden');
    if (state !== 'ok') expect(found.advice).toMatch(/EXECUTOR_(URL|SECRET)/);
    expect(heard).toEqual([['GET', 'Bearer shared-secret']]);
  });

  it('is shown no secret where there is none', async () => {
    expect((await program(200)).heard).toEqual([['GET', undefined]]);
  });

  it('that does not answer is said so', async () => {
    const asked = look({ kind: 'http', url: 'http://127.0.0.1:1/hidden', secret: undefined });

    await expect(asked).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
  });
});

describe('AWS Step Functions', () => {
  const OTHER_MACHINE = 'arn:aws:states:eu-central-1:123456789012:stateMachine:other';

  async function open(options: StepFunctionsSimulatorOptions = {}) {
    const aws = closed(await startStepFunctionsSimulator(options));
    const { url: endpoint, region, keyId, secretKey, sessionToken, stateMachineArn } = aws;
    const place = { endpoint, region, keyId, secretKey, sessionToken, stateMachineArn };
    return { aws, place: { kind: 'lambda' as const, ...place } };
  }

  it.each(['', ':live'])('has the state machine, also one that is named with "%s"', async (alias) => {
    const { aws, place } = await open({ isTemporary: true });

    const found = await look({ ...place, stateMachineArn: `${place.stateMachineArn}${alias}` });

    expect(found).toEqual({ state: 'ok', text: 'AWS Step Functions has the state machine steps' });
    expect(aws.executions()).toEqual([]);
  });

  it.each<[string, StepFunctionsSimulatorOptions, RegExp]>([
    ['of the type EXPRESS', { type: 'EXPRESS' }, /STANDARD/],
    ['that is being deleted', { status: 'DELETING' }, /Create another one/],
  ])('has one %s, which will not do', async (_what, options, advice) => {
    const { place } = await open(options);

    expect(await look(place)).toMatchObject({ state: 'fail', advice: expect.stringMatching(advice) });
  });

  it.each([
    ['another state machine', { stateMachineArn: OTHER_MACHINE }, /LAMBDA_STATE_MACHINE_ARN/],
    ['another key id', { keyId: 'AKIAOTHER' }, /LAMBDA_KEY_ID/],
    ['another secret', { secretKey: 'other' }, /LAMBDA_SECRET/],
    ['no session token', { sessionToken: undefined }, /LAMBDA_SESSION_TOKEN/],
  ])('refuses %s', async (_what, more, advice) => {
    const { place } = await open({ isTemporary: true });

    const found = await look({ ...place, ...more });

    expect(found).toMatchObject({ state: 'fail', advice: expect.stringMatching(advice) });
    expect(found.text).not.toContain(place.secretKey);
  });

  it('says so of a temporary key that has ended', async () => {
    const { aws, place } = await open({ isTemporary: true });
    aws.expireSession();

    expect(await look(place)).toMatchObject({
      state: 'fail',
      text: expect.stringContaining('expired'),
      advice: expect.stringMatching(/new temporary keys/),
    });
  });

  it('takes a key that may not look for one that may start', async () => {
    const { aws, place } = await open();
    aws.fail(statesFault('DescribeStateMachine', 'AccessDeniedException'));

    expect(await look(place)).toMatchObject({
      state: 'warn',
      advice: expect.stringContaining('states:DescribeStateMachine'),
    });
  });

  it('is told of as it is where it is not well', async () => {
    const { aws, place } = await open();
    aws.fail(statesFault('DescribeStateMachine', 'ServiceUnavailable', { status: 503 }));

    await expect(look(place)).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
  });
});

describe('Google Cloud Run', () => {
  async function open(options: CloudRunSimulatorOptions = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-executor-doctor-'));
    closers.push(() => rm(folder, { recursive: true }));
    const google = closed(await startCloudRunSimulator(options));
    const keyFile = join(folder, 'key.json');
    await writeFile(keyFile, JSON.stringify(google.keyFile));
    return { google, place: { kind: 'gcp' as const, endpoint: google.url, job: google.job, keyFile } };
  }

  it('has the job', async () => {
    const { google, place } = await open();

    expect(await look(place)).toEqual({ state: 'ok', text: 'Google Cloud Run has the job steps' });
    expect(google.runs()).toEqual([]);
  });

  it.each<[string, CloudRunSimulatorOptions, object]>([
    [
      'that is not ready',
      { flaw: "Image 'steps' not found." },
      { state: 'fail', text: expect.stringContaining("Image 'steps' not found.") },
    ],
    [
      'that begins anew by itself',
      { maxRetries: 3 },
      { state: 'warn', advice: expect.stringContaining('--max-retries=0') },
    ],
  ])('has one %s', async (_what, options, found) => {
    expect(await look((await open(options)).place)).toMatchObject(found);
  });

  it.each([
    ['another job', { job: 'projects/academy/locations/europe-west3/jobs/other' }, /GCP_JOB/],
    ['a key file that is not there', { keyFile: '/nowhere/key.json' }, /GCP_KEY_FILE/],
  ])('refuses %s', async (_what, more, advice) => {
    const found = await look({ ...(await open()).place, ...more });

    expect(found).toMatchObject({ state: 'fail', advice: expect.stringMatching(advice) });
  });

  it.each([
    [403, 'PERMISSION_DENIED', /roles\/run\.developer/],
    [401, 'UNAUTHENTICATED', /GCP_KEY_FILE/],
  ])('%i %s says what the account lacks', async (code, status, advice) => {
    const { google, place } = await open();
    google.fail(googleFault('GET /v2/*', code, status, { count: 9 }));

    expect(await look(place)).toMatchObject({ state: 'fail', advice: expect.stringMatching(advice) });
  });

  it('is told of as it is where it is not well', async () => {
    const { google, place } = await open();
    google.fail(googleFault('GET /v2/*', 503, 'UNAVAILABLE'));

    await expect(look(place)).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
  });
});
