import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AwsRefusal, statesFault } from '../../simulators/executors/aws-refusal.ts';
import { requireSignature } from '../../simulators/executors/aws-signature.ts';
import {
  type CloudRunSimulator,
  googleFault,
  startCloudRunSimulator,
} from '../../simulators/executors/cloud-run.ts';
import {
  type StepFunctionsSimulator,
  startStepFunctionsSimulator,
} from '../../simulators/executors/step-functions.ts';
import { type Answer, type Simulator, startSimulator } from '../../simulators/shared/simulator.ts';
import { loadConfig, secretsOf } from '../../src/config/config.ts';
import { isOutage, KnownError } from '../../src/domain/errors.ts';
import type { RemoteJob } from '../../src/domain/handed-over.ts';
import type { Executor } from '../../src/engine/ports/executor.ts';
import { createGcpExecutor, type GcpOptions } from '../../src/outside/executors/gcp.ts';
import { createHttpExecutor } from '../../src/outside/executors/http.ts';
import { createLambdaExecutor, type LambdaOptions } from '../../src/outside/executors/lambda.ts';
import { createExecutor } from '../../src/outside/executors.ts';
import { BODY_FAULTS, IDLE_TIMEOUT_MS, JSON_FAULTS, TRANSPORT_FAULTS } from '../support/transport-faults.ts';

const { signal } = new AbortController();
const call = { signal };
const ID = '0b6f4c1e-6f0a-4a3f-9d52-3f1f0c1f7a11';

function jobOf(more: Partial<RemoteJob['job']> = {}): RemoteJob {
  return {
    job: { id: ID, task: 'trim', params: { title: 'Übung 自' }, inputName: 'Übung 自.mp4', ...more },
    inputUrl: 'https://sluice.example/api/v1/executor/input',
    outputPrefix: 'https://sluice.example/api/v1/executor/output/',
    token: 'token-of-this-job',
    callbackUrl: 'https://sluice.example/api/v1/executor/callback',
  };
}

/** A job that takes exactly so many bytes as JSON. */
function jobOfBytes(bytes: number): RemoteJob {
  const empty = Buffer.byteLength(JSON.stringify(jobOf({ params: '' })));
  return jobOf({ params: `ü${'x'.repeat(bytes - empty - 2)}` });
}

async function refusalOf(asked: Promise<unknown>): Promise<KnownError> {
  const error: unknown = await asked.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error instanceof KnownError) return error;
  throw new Error(`there was no refusal but ${error}`);
}

/** What an operator has to mend, what heals, and what ends the one job. */
const KINDS = {
  mend: { code: 'REMOTE_UNAUTHORIZED', retry: 'backoff', isOutage: true },
  busy: { code: 'REMOTE_THROTTLED', retry: 'backoff', isOutage: true },
  down: { code: 'REMOTE_UNAVAILABLE', retry: 'backoff', isOutage: true },
  job: { code: 'REMOTE_REJECTED', retry: 'never', isOutage: false },
} as const;
type Kind = keyof typeof KINDS;

function kindOf(error: KnownError) {
  return { code: error.code, retry: error.retry, isOutage: isOutage(error) };
}

/** A private key that belongs to no account. */
const STRANGE_KEY = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

describe('P25 AWS Step Functions', () => {
  let simulator: StepFunctionsSimulator;
  let executor: Executor;

  beforeEach(async () => {
    simulator = await startStepFunctionsSimulator();
    executor = connect();
  });

  afterEach(() => simulator.close());

  /** Has AWS take temporary keys alone. */
  async function openTemporary(): Promise<void> {
    await simulator.close();
    simulator = await startStepFunctionsSimulator({ isTemporary: true });
    executor = connect();
  }

  function connect(more: Partial<LambdaOptions> = {}): Executor {
    const { url: endpoint, region, keyId, secretKey, sessionToken, stateMachineArn } = simulator;
    const known = { endpoint, region, keyId, secretKey, sessionToken, stateMachineArn };
    return createLambdaExecutor({ ...known, idleTimeoutMs: IDLE_TIMEOUT_MS, ...more });
  }

  it('begins an execution that is named for the job and has it as its input', async () => {
    const { ref } = await executor.start(jobOf(), call);

    const [execution] = simulator.executions();
    expect(ref).toBe(execution?.executionArn);
    expect(execution?.name).toBe(`sluice-${ID}`);
    expect(JSON.parse(execution?.input ?? '')).toEqual(jobOf());
  });

  it('begins nothing new for the same id, be it still under way or not, or be its token another one', async () => {
    const { ref } = await executor.start(jobOf(), call);

    expect(await executor.start(jobOf(), call)).toEqual({ ref });
    expect(await executor.start({ ...jobOf(), token: 'another' }, call)).toEqual({ ref });
    simulator.finish(String(ref));
    expect(await executor.start(jobOf(), call)).toEqual({ ref });

    expect(simulator.executions()).toHaveLength(1);
  });

  it('begins nothing new where the first answer got lost', async () => {
    simulator.fail({ on: 'POST /', drop: 'after-handling' });
    await expect(executor.start(jobOf(), call)).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });

    await executor.start(jobOf(), call);

    expect(simulator.executions()).toHaveLength(1);
  });

  it('knows what an execution of a version or an alias is called', async () => {
    const arn = simulator.stateMachineArn;
    simulator.fail(statesFault('StartExecution', 'ExecutionAlreadyExists'));

    const { ref } = await connect({ stateMachineArn: `${arn}:live` }).start(jobOf(), call);

    expect(ref).toBe(`${arn.replace(':stateMachine:', ':execution:')}:sluice-${ID}`);
  });

  it('stops an execution, and takes one that has ended or is not known for stopped', async () => {
    const { ref } = await executor.start(jobOf(), call);

    await executor.stop?.(String(ref), call);

    expect(simulator.executions()).toMatchObject([{ status: 'ABORTED' }]);
    await executor.stop?.(String(ref), call);
    await executor.stop?.(`${ref}-other`, call);
  });

  it('has nothing to stop of what another executor has begun', async () => {
    await executor.stop?.('projects/academy/locations/europe-west3/jobs/a/executions/a-1', call);
    await executor.stop?.('run/7', call);
  });

  it.each<[type: string, kind: Kind]>([
    ['StateMachineDoesNotExist', 'mend'],
    ['StateMachineDeleting', 'mend'],
    ['InvalidArn', 'mend'],
    ['AccessDeniedException', 'mend'],
    ['UnrecognizedClientException', 'mend'],
    ['InvalidSignatureException', 'mend'],
    ['ExpiredTokenException', 'mend'],
    ['MissingAuthenticationTokenException', 'mend'],
    ['KmsAccessDeniedException', 'mend'],
    ['KmsInvalidStateException', 'mend'],
    ['ExecutionLimitExceeded', 'busy'],
    ['ThrottlingException', 'busy'],
    ['KmsThrottlingException', 'busy'],
    ['ServiceUnavailable', 'down'],
    ['InvalidExecutionInput', 'job'],
    ['InvalidName', 'job'],
    ['ValidationException', 'job'],
    ['SomethingNew', 'job'],
    ['constructor', 'job'],
  ])('%s', async (type, kind) => {
    for (const written of [type, `com.amazonaws.swf.service.v2.model#${type}`, `${type}:http://internal/`]) {
      simulator.fail(statesFault('StartExecution', written));

      const error = await refusalOf(executor.start(jobOf(), call));

      expect(kindOf(error)).toEqual(KINDS[kind]);
      expect(error.details['reason']).toBe(type);
      expect(error.message).toContain(`${type}: injected`);
    }
  });

  it('holds everything for a machine that is not there', async () => {
    const error = await refusalOf(
      connect({ stateMachineArn: `${simulator.stateMachineArn}x` }).start(jobOf(), call),
    );

    expect(kindOf(error)).toEqual(KINDS.mend);
    expect(error.message).toContain('StateMachineDoesNotExist');
  });

  it.each([
    ['key id', { keyId: 'AKIAOTHER' }, 'UnrecognizedClientException'],
    ['secret', { secretKey: 'other' }, 'InvalidSignatureException'],
    ['region', { region: 'us-east-1' }, 'InvalidSignatureException'],
  ])('holds everything for a wrong %s, and shows no secret', async (_name, more, reason) => {
    const error = await refusalOf(connect(more).start(jobOf(), call));

    expect(kindOf(error)).toEqual(KINDS.mend);
    expect(error.details['reason']).toBe(reason);
    expect(error.message).not.toContain(simulator.secretKey);
  });

  it('shows the session token of a temporary key with all that it asks', async () => {
    await openTemporary();

    const { ref } = await executor.start(jobOf(), call);
    await executor.stop?.(String(ref), call);

    expect(simulator.executions()).toMatchObject([{ status: 'ABORTED' }]);
  });

  it.each([
    ['none', undefined],
    ['another', 'of another session'],
  ])('holds everything for a temporary key with %s session token', async (_name, sessionToken) => {
    await openTemporary();

    const error = await refusalOf(connect({ sessionToken }).start(jobOf(), call));

    expect(kindOf(error)).toEqual(KINDS.mend);
    expect(error.details['reason']).toBe('UnrecognizedClientException');
  });

  it('holds everything for a temporary key that has ended, and does not show its token', async () => {
    await openTemporary();
    simulator.expireSession();
    const ended = await refusalOf(executor.start(jobOf(), call));
    simulator.fail({ on: 'POST /', status: 400, body: `you said ${simulator.sessionToken}` });
    const quoting = await refusalOf(executor.start(jobOf(), call));

    expect(kindOf(ended)).toEqual(KINDS.mend);
    expect(ended.details['reason']).toBe('ExpiredTokenException');
    expect(quoting.message).toContain('you said [secret]');
  });

  it.each([
    ['ahead', -400_000],
    ['behind', 400_000],
  ])('says by how much the clock is %s where that is why a signature is refused', async (word, theirsMs) => {
    simulator.setClock(theirsMs);

    const error = await refusalOf(executor.start(jobOf(), call));

    expect(kindOf(error)).toEqual(KINDS.mend);
    expect(error.message).toMatch(new RegExp(`the clock of this machine is (399|400|401) s ${word}`));
  });

  it('says nothing of the clock where it is right', async () => {
    const error = await refusalOf(connect({ secretKey: 'other' }).start(jobOf(), call));

    expect(error.message).not.toContain('clock');
  });

  it('takes a job of 262,144 bytes, and sends none that is larger', async () => {
    await executor.start(jobOfBytes(262_144), call);
    const error = await refusalOf(executor.start(jobOfBytes(262_145), call));

    expect(error).toMatchObject({ code: 'EXECUTOR_TOO_LARGE', retry: 'never' });
    expect(error.message).toContain('262145');
    expect(isOutage(error)).toBe(false);
    expect(simulator.requests).toHaveLength(1);
  });

  it.each([...TRANSPORT_FAULTS, ...BODY_FAULTS, ...JSON_FAULTS])(
    'meets %s',
    async (_name, fault, code, retry) => {
      simulator.fail({ on: 'POST /', ...fault });

      await expect(executor.start(jobOf(), call)).rejects.toMatchObject({ code, retry });
    },
  );

  it('gives an answer up that drips', async () => {
    simulator.fail({ on: 'POST /', bytesPerSecond: 4 });

    await expect(executor.start(jobOf(), call)).rejects.toMatchObject({ code: 'TRANSFER_STALLED' });
  });

  it('follows no redirect, and holds everything for it', async () => {
    simulator.fail({ on: 'POST /', status: 307, headers: { location: `${simulator.url}/elsewhere` } });

    expect(kindOf(await refusalOf(executor.start(jobOf(), call)))).toEqual(KINDS.mend);

    expect(simulator.requests).toHaveLength(1);
  });

  it('ends with the reason of its signal', async () => {
    const stopping = new AbortController();
    simulator.fail({ on: 'POST /', delayMs: 200 });

    const starting = executor.start(jobOf(), { signal: stopping.signal });
    await vi.waitFor(() => expect(simulator.executions()).toHaveLength(1));
    stopping.abort(new Error('shutdown'));

    await expect(starting).rejects.toThrow('shutdown');
  });
});

describe('P26 Google Cloud Run', () => {
  let simulator: CloudRunSimulator;
  let executor: Executor;
  let folder: string;
  const RUN = 'POST /v2/*:run';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-executors-'));
    simulator = await startCloudRunSimulator();
    executor = await connect();
  });

  afterEach(async () => {
    await simulator.close();
    await rm(folder, { recursive: true });
  });

  async function connect(key: object = {}, more: Partial<GcpOptions> = {}): Promise<Executor> {
    const keyFile = join(folder, 'key.json');
    await writeFile(keyFile, JSON.stringify({ ...simulator.keyFile, ...key }));
    const { url: endpoint, job } = simulator;
    return createGcpExecutor({ endpoint, job, keyFile, idleTimeoutMs: IDLE_TIMEOUT_MS, ...more });
  }

  it('begins an execution that has the job in its environment', async () => {
    const { ref } = await executor.start(jobOf(), call);

    const [run] = simulator.runs();
    expect(ref).toBe(run?.name);
    expect(JSON.parse(run?.env['SLUICE_JOB'] ?? '')).toEqual(jobOf());
  });

  it('begins a second execution for the same id, since Cloud Run cannot tell', async () => {
    await executor.start(jobOf(), call);
    await executor.start(jobOf(), call);

    expect(simulator.runs()).toHaveLength(2);
  });

  it('cancels an execution, and takes one that has ended or is not known for cancelled', async () => {
    const { ref } = await executor.start(jobOf(), call);
    const other = await executor.start(jobOf(), call);
    simulator.finish(String(other.ref));

    for (const each of [ref, other.ref, `${ref}-other`]) await executor.stop?.(String(each), call);

    expect(simulator.runs()).toMatchObject([{ state: 'cancelled' }, { state: 'succeeded' }]);
  });

  it('has nothing to cancel of what another executor has begun', async () => {
    await executor.stop?.('arn:aws:states:eu-west-3:123456789012:execution:steps:a', call);

    expect(simulator.requests).toEqual([]);
  });

  it('asks for one token, and uses it until shortly before its end', async () => {
    await executor.start(jobOf(), call);
    await executor.start(jobOf(), call);
    expect(simulator.tokens()).toBe(1);

    vi.useFakeTimers({ now: Date.now() + 3_550_000, toFake: ['Date'] });
    try {
      await executor.start(jobOf(), call);
    } finally {
      vi.useRealTimers();
    }

    expect(simulator.tokens()).toBe(2);
    expect(simulator.requests.filter(({ status }) => status === 401)).toEqual([]);
  });

  it('fetches another token once where the one it has is not taken', async () => {
    await executor.start(jobOf(), call);
    simulator.expireTokens();

    await executor.start(jobOf(), call);

    expect(simulator.tokens()).toBe(2);
    expect(simulator.runs()).toHaveLength(2);
  });

  it('holds everything where a new token is not taken either', async () => {
    simulator.fail(googleFault(RUN, 401, 'UNAUTHENTICATED', { count: 9 }));

    expect(kindOf(await refusalOf(executor.start(jobOf(), call)))).toEqual(KINDS.mend);

    expect(simulator.requests.map(({ path }) => path.replace(/^\/v2.*:/, ':'))).toEqual([
      '/token',
      ':run',
      '/token',
      ':run',
    ]);
  });

  it.each<[code: number, status: string, kind: Kind]>([
    [403, 'PERMISSION_DENIED', 'mend'],
    [404, 'NOT_FOUND', 'mend'],
    [400, 'FAILED_PRECONDITION', 'mend'],
    [429, 'RESOURCE_EXHAUSTED', 'busy'],
    [503, 'UNAVAILABLE', 'down'],
    [500, 'INTERNAL', 'down'],
    [504, 'DEADLINE_EXCEEDED', 'down'],
    [409, 'ABORTED', 'down'],
    [400, 'INVALID_ARGUMENT', 'job'],
  ])('%i %s', async (code, status, kind) => {
    simulator.fail(googleFault(RUN, code, status));

    const error = await refusalOf(executor.start(jobOf(), call));

    expect(kindOf(error)).toEqual(KINDS[kind]);
    expect(error.message).toContain(`${status}: injected`);
  });

  it('holds everything for a job of Cloud Run that is not there', async () => {
    const missing = await connect({}, { job: `${simulator.job}x` });

    expect(kindOf(await refusalOf(missing.start(jobOf(), call)))).toEqual(KINDS.mend);
  });

  it.each([
    ['of another account', { client_email: 'nobody@academy.iam.gserviceaccount.com' }, 'account not found'],
    ['that is another one', { private_key: STRANGE_KEY }, 'Invalid JWT Signature'],
  ])('holds everything for a key %s, and does not show it', async (_name, key, words) => {
    const stranger = await connect(key);

    const error = await refusalOf(stranger.start(jobOf(), call));

    expect(kindOf(error)).toEqual(KINDS.mend);
    expect(error.message).toContain('invalid_grant');
    expect(error.message).toContain(words);
    expect(error.message).not.toContain('PRIVATE KEY');
  });

  it.each([
    ['is not there', { keyFile: '/nowhere/key.json' }, {}, 'ENOENT'],
    ['holds no key', {}, { private_key: 'PRIVATE KEY of nobody' }, 'private_key'],
    ['holds something else', {}, { client_email: 7 }, 'is no key'],
  ])('holds everything for a key file that %s', async (_name, more, key, words) => {
    const error = await refusalOf((await connect(key, more)).start(jobOf(), call));

    expect(kindOf(error)).toEqual(KINDS.mend);
    expect(error.message).toContain(words);
    expect(error.message).not.toContain('of nobody');
  });

  it('takes a key file that was put right without being opened anew', async () => {
    const waiting = await connect({ private_key: STRANGE_KEY });
    await refusalOf(waiting.start(jobOf(), call));

    await connect();

    await expect(waiting.start(jobOf(), call)).resolves.toMatchObject({ ref: expect.any(String) });
  });

  it('says by how much the clock is wrong where no token is given for that', async () => {
    simulator.setClock(4_000_000);

    const error = await refusalOf(executor.start(jobOf(), call));

    expect(kindOf(error)).toEqual(KINDS.mend);
    expect(error.message).toMatch(
      /reasonable timeframe.*the clock of this machine is (3999|4000|4001) s behind/,
    );
  });

  it('takes a job of 32,768 bytes, and sends none that is larger', async () => {
    await executor.start(jobOfBytes(32_768), call);

    await expect(executor.start(jobOfBytes(32_769), call)).rejects.toMatchObject({
      code: 'EXECUTOR_TOO_LARGE',
      retry: 'never',
    });
    expect(simulator.runs()).toHaveLength(1);
  });

  it.each([...TRANSPORT_FAULTS, ...BODY_FAULTS, ...JSON_FAULTS])(
    'meets %s at Cloud Run',
    async (_name, fault, code, retry) => {
      simulator.fail({ on: RUN, ...fault });

      await expect(executor.start(jobOf(), call)).rejects.toMatchObject({ code, retry });
    },
  );

  it.each([...TRANSPORT_FAULTS, ...JSON_FAULTS])(
    'meets %s where it asks for a token',
    async (_name, fault, code, retry) => {
      simulator.fail({ on: 'POST /token', ...fault });

      await expect(executor.start(jobOf(), call)).rejects.toMatchObject({ code, retry });
    },
  );

  it.each([RUN, 'POST /token'])('follows no redirect of %s, and holds everything for it', async (on) => {
    simulator.fail({ on, status: 302, headers: { location: `${simulator.url}/elsewhere` } });

    expect(kindOf(await refusalOf(executor.start(jobOf(), call)))).toEqual(KINDS.mend);

    expect(simulator.requests.map(({ path }) => path)).not.toContain('/elsewhere');
  });
});

describe('a program at an address', () => {
  let program: Simulator;
  let executor: Executor;
  let answer: Answer;
  let received: { headers: Readonly<Record<string, unknown>>; body: unknown }[];

  beforeEach(async () => {
    received = [];
    answer = { status: 202 };
    program = await startSimulator({}, async (request) => {
      received.push({ headers: request.headers, body: await request.json() });
      return answer;
    });
    executor = connect('shared-secret');
  });

  afterEach(() => program.close());

  function connect(secret?: string): Executor {
    return createHttpExecutor({ url: `${program.url}/hidden/steps`, secret, idleTimeoutMs: IDLE_TIMEOUT_MS });
  }

  it('hears of the job, its id as the key by which it knows it, and the secret', async () => {
    await executor.start(jobOf(), call);

    expect(received).toEqual([
      {
        headers: expect.objectContaining({
          'content-type': 'application/json',
          'idempotency-key': ID,
          authorization: 'Bearer shared-secret',
        }),
        body: jobOf(),
      },
    ]);
  });

  it('hears of no secret where there is none', async () => {
    await connect().start(jobOf(), call);

    expect(received[0]?.headers).not.toHaveProperty('authorization');
  });

  it.each<[name: string, answer: Answer, ref: string | null]>([
    ['a name', { status: 201, body: { ref: 'run/7' } }, 'run/7'],
    ['nothing', { status: 204 }, null],
    ['a web page', { status: 200, body: '<!doctype html>' }, null],
    ['other JSON', { status: 200, body: { ref: 7 } }, null],
    ['an empty name', { status: 200, body: { ref: '' } }, null],
  ])('has taken the job where it answers with %s', async (_name, given, ref) => {
    answer = given;

    expect(await executor.start(jobOf(), call)).toEqual({ ref });
  });

  it.each<[status: number, kind: Kind]>([
    [301, 'mend'],
    [307, 'mend'],
    [401, 'mend'],
    [403, 'mend'],
    [404, 'mend'],
    [400, 'job'],
    [405, 'job'],
    [409, 'job'],
    [413, 'job'],
    [422, 'job'],
    [408, 'down'],
    [425, 'down'],
    [429, 'busy'],
    [500, 'down'],
    [502, 'down'],
    [503, 'down'],
  ])('%i', async (status, kind) => {
    answer = { status, headers: { location: `${program.url}/elsewhere` }, body: 'because' };

    const error = await refusalOf(executor.start(jobOf(), call));

    expect(kindOf(error)).toEqual(KINDS[kind]);
    expect(error.message).toContain('because');
    expect(received).toHaveLength(1);
  });

  it.each([...TRANSPORT_FAULTS, ...BODY_FAULTS])('meets %s', async (_name, fault, code, retry) => {
    program.fail({ on: 'POST /hidden/steps', ...fault });

    await expect(executor.start(jobOf(), call)).rejects.toMatchObject({ code, retry });
  });

  it('is not betrayed by a message: neither its path nor the secret', async () => {
    answer = { status: 500, body: 'you said shared-secret' };

    const error = await refusalOf(executor.start(jobOf(), call));

    expect(error.message).toContain('you said [secret]');
    expect(error.message).not.toContain('hidden');
  });
});

describe('the stand-in for AWS', () => {
  it('refuses a request whose body is not the one that was signed', async () => {
    const simulator = await startStepFunctionsSimulator({ isTemporary: true });
    try {
      const { keyId, secretKey, sessionToken, region, stateMachineArn } = simulator;
      const seen: { headers: Record<string, string>; body: Buffer }[] = [];
      const tap = await startSimulator({}, async (request) => {
        seen.push({
          headers: { ...(request.headers as Record<string, string>) },
          body: await request.bytes(),
        });
        return { status: 500 };
      });
      const options = { endpoint: tap.url, region, keyId, secretKey, sessionToken, stateMachineArn };
      await refusalOf(createLambdaExecutor({ ...options, idleTimeoutMs: 1000 }).start(jobOf(), call));
      await tap.close();
      const { headers = {}, body = Buffer.alloc(0) } = seen[0] ?? {};
      const credentials = { keyId, secretKey, sessionToken, region, service: 'states' };

      const check = (changed: { headers?: Record<string, string>; body?: Buffer }) =>
        requireSignature({ method: 'POST', headers, body, ...changed }, credentials, Date.now());

      expect(() => check({})).not.toThrow();
      expect(() => check({ body: Buffer.concat([body, Buffer.from(' ')]) })).toThrow(AwsRefusal);
      expect(() => check({ headers: { ...headers, 'x-amz-target': 'AWSStepFunctions.Other' } })).toThrow(
        AwsRefusal,
      );
      expect(() => check({ headers: { ...headers, 'x-amz-more': '1' } })).toThrow('must be signed');
      const unsigned = headers['authorization']
        ?.replace('x-amz-security-token;', '')
        .replace(';x-amz-security-token', '');
      expect(() => check({ headers: { ...headers, authorization: unsigned ?? '' } })).toThrow(
        'must be signed',
      );
      expect(() => check({ headers: { ...headers, authorization: '' } })).toThrow('Missing');
    } finally {
      await simulator.close();
    }
  });
});

describe('the settings', () => {
  const REQUIRED = {
    ZOOM_WEBHOOK_SECRET_TOKEN: 'zoom-secret',
    B2_KEY_ID: 'key-id',
    B2_APPLICATION_KEY: 'key',
    BUNNY_LIBRARY_ID: '4321',
    BUNNY_API_KEY: 'bunny-key',
    SITE_WEBHOOK_URL: 'https://academy.example/webhooks/sluice',
    SITE_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  };
  const PUBLIC = { PUBLIC_URL: 'https://sluice.example' };
  const LAMBDA = {
    EXECUTOR: 'lambda',
    LAMBDA_STATE_MACHINE_ARN: 'arn:aws:states:eu-west-3:123456789012:stateMachine:steps',
    LAMBDA_KEY_ID: 'AKIA1',
    LAMBDA_SECRET: 'aws-secret',
    ...PUBLIC,
  };
  const HTTP = { EXECUTOR: 'http', EXECUTOR_URL: 'https://steps.example/jobs', ...PUBLIC };
  const GCP = {
    EXECUTOR: 'gcp',
    GCP_JOB: 'projects/academy/locations/europe-west3/jobs/steps',
    GCP_KEY_FILE: '/etc/sluice/gcp.json',
    ...PUBLIC,
  };
  const NO_OFFERS = { offer: async () => {} };
  const load = (more: Record<string, string | undefined> = {}) => loadConfig({ ...REQUIRED, ...more });

  it('leave every step to this machine unless told otherwise', () => {
    const config = load();

    expect(config.executor).toMatchObject({ place: undefined, silenceMs: 120_000 });
    expect(config.executor.tasks).toEqual(['transcode', 'trim', 'thumbnail', 'sprite', 'waveform']);
    expect(createExecutor(config, NO_OFFERS)).toBeUndefined();
  });

  it.each([
    ['http', HTTP],
    ['lambda', LAMBDA],
    ['gcp', GCP],
    ['workers', { EXECUTOR: 'workers', ...PUBLIC }],
  ])('open %s', (name, env) => {
    expect(createExecutor(load(env), NO_OFFERS)?.name).toBe(name);
  });

  it('find Step Functions by the region of the machine', () => {
    expect(load(LAMBDA).executor.place).toMatchObject({
      region: 'eu-west-3',
      endpoint: 'https://states.eu-west-3.amazonaws.com',
    });
    const china = LAMBDA.LAMBDA_STATE_MACHINE_ARN.replace('aws:states:eu-west-3', 'aws-cn:states:cn-north-1');
    expect(load({ ...LAMBDA, LAMBDA_STATE_MACHINE_ARN: china }).executor.place).toMatchObject({
      endpoint: 'https://states.cn-north-1.amazonaws.com.cn',
    });
  });

  it.each(
    [
      ...Object.keys(LAMBDA).map((name) => [name, LAMBDA] as const),
      ...Object.keys(GCP).map((name) => [name, GCP] as const),
      ...Object.keys(HTTP).map((name) => [name, HTTP] as const),
    ].filter(([name]) => name !== 'EXECUTOR'),
  )('are refused without %s', (name, env) => {
    const attempt = () => load({ ...env, [name]: undefined });

    expect(attempt).toThrow(`${name}: is required with EXECUTOR=${env.EXECUTOR}`);
  });

  it.each([
    ['EXECUTOR', 'azure'],
    ['LAMBDA_STATE_MACHINE_ARN', 'arn:aws:lambda:eu-west-3:123456789012:function:steps'],
    ['GCP_JOB', 'steps'],
    ['GCP_KEY_FILE', 'gcp.json'],
    ['EXECUTOR_TASKS', ','],
    ['EXECUTOR_SILENCE_S', '0'],
  ])('are refused with %s=%s', (name, value) => {
    expect(() => load({ ...PUBLIC, [name]: value })).toThrow(`${name}:`);
  });

  it('keep what is secret to themselves', () => {
    expect(secretsOf(load(LAMBDA))).toContain('aws-secret');
    expect(secretsOf(load({ ...LAMBDA, LAMBDA_SESSION_TOKEN: 'aws-session' }))).toContain('aws-session');
    expect(secretsOf(load({ ...HTTP, EXECUTOR_SECRET: 'shared-secret' }))).toContain('shared-secret');
  });
});
