import { createPublicKey, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import type { Fault } from '../shared/faults.ts';
import {
  type Answer,
  type Simulator,
  type SimulatorOptions,
  type SimulatorRequest,
  startSimulator,
} from '../shared/simulator.ts';
import { findFlaw } from './google-assertion.ts';

const EMAIL = 'steps@academy.iam.gserviceaccount.com';
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const MAX_VARIABLE_BYTES = 32_768;

export interface CloudRunSimulatorOptions extends SimulatorOptions {
  /** The one job that there is. */
  readonly job?: string;
  /** For how long a token is good; default as Google has it, 3599. */
  readonly tokenLifeS?: number;
  /** How often a task is begun anew by itself; default 0. */
  readonly maxRetries?: number;
  /** Why the job is not ready; default: it is. */
  readonly flaw?: string;
}

export interface SimulatedRun {
  /** `projects/…/locations/…/jobs/…/executions/…` */
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly state: 'running' | 'succeeded' | 'cancelled';
}

/** A stand-in for Google: its token endpoint, and a job of Cloud Run (v2), which is looked at, run and cancelled. */
export interface CloudRunSimulator extends Simulator {
  readonly job: string;
  readonly tokenUrl: string;
  /** What is downloaded for a key of the service account. */
  readonly keyFile: Readonly<Record<string, string>>;
  runs(): readonly SimulatedRun[];
  /** How many tokens were given. */
  tokens(): number;
  /** Ends all tokens that were given so far. */
  expireTokens(): void;
  finish(execution: string): void;
  /** Sets its clock so much before ours. */
  setClock(aheadMs: number): void;
}

let knownPair: { publicKey: string; privateKey: string } | undefined;

/** That of the service account: one for the whole process, since making one takes long. */
function keyPair() {
  knownPair ??= generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return knownPair;
}

class GoogleRefusal extends Error {
  readonly code: number;
  readonly status: string;

  constructor(code: number, status: string, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }

  toAnswer(): Answer {
    const { code, message, status } = this;
    return { status: code, body: { error: { code, message, status } } };
  }
}

/** A fault that answers in the shape of Google's errors, to be handed to `fail`. */
export function googleFault(on: string, code: number, status: string, more: Partial<Fault> = {}): Fault {
  return {
    on,
    status: code,
    body: JSON.stringify({ error: { code, message: `injected: ${status}`, status, details: [] } }),
    ...more,
    headers: { 'content-type': 'application/json', ...more.headers },
  };
}

export async function startCloudRunSimulator(
  options: CloudRunSimulatorOptions = {},
): Promise<CloudRunSimulator> {
  const { job = 'projects/academy/locations/europe-west3/jobs/steps', tokenLifeS = 3599 } = options;
  const { maxRetries = 0, flaw } = options;
  const pair = keyPair();
  const publicKey = createPublicKey(pair.publicKey);
  const tokens = new Map<string, number>();
  const runs = new Map<string, SimulatedRun>();
  let given = 0;
  let aheadMs = 0;
  const nowMs = () => Date.now() + aheadMs;

  async function giveToken(request: SimulatorRequest): Promise<Answer> {
    const form = new URLSearchParams((await request.bytes()).toString('utf8'));
    if (form.get('grant_type') !== GRANT) {
      return {
        status: 400,
        body: { error: 'unsupported_grant_type', error_description: 'Invalid grant_type' },
      };
    }
    const flaw = findFlaw(form.get('assertion') ?? '', { email: EMAIL, publicKey }, nowMs());
    if (flaw !== undefined) return { status: 400, body: flaw };
    const token = `ya29.${randomBytes(24).toString('base64url')}`;
    tokens.set(token, nowMs() + tokenLifeS * 1000);
    given += 1;
    return { status: 200, body: { access_token: token, expires_in: tokenLifeS, token_type: 'Bearer' } };
  }

  function requireToken({ headers }: SimulatorRequest): void {
    const [, token = ''] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? [];
    if ((tokens.get(token) ?? 0) > nowMs()) return;
    throw new GoogleRefusal(
      401,
      'UNAUTHENTICATED',
      'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.',
    );
  }

  function describe(name: string): Answer {
    if (name !== job) throw notFound(name);
    const ready =
      flaw === undefined
        ? { type: 'Ready', state: 'CONDITION_SUCCEEDED' }
        : { type: 'Ready', state: 'CONDITION_FAILED', message: flaw, reason: 'CONTAINER_MISSING' };
    return {
      status: 200,
      body: {
        name: job,
        uid: randomUUID(),
        generation: '1',
        createTime: new Date(nowMs()).toISOString(),
        template: { taskCount: 1, template: { maxRetries, timeout: '3600s' } },
        terminalCondition: ready,
        executionCount: runs.size,
      },
    };
  }

  async function run(request: SimulatorRequest, name: string): Promise<Answer> {
    if (name !== job) throw notFound(name);
    const env = envIn(await request.json());
    const execution = `${job}/executions/${job.split('/').at(-1)}-${randomBytes(3).toString('hex')}`;
    runs.set(execution, { name: execution, env, state: 'running' });
    return operation(execution);
  }

  function cancel(name: string): Answer {
    const execution = runs.get(name);
    if (execution === undefined) throw notFound(name);
    if (execution.state !== 'running') {
      throw new GoogleRefusal(400, 'FAILED_PRECONDITION', `Execution ${name} has already completed.`);
    }
    runs.set(name, { ...execution, state: 'cancelled' });
    return operation(name);
  }

  function operation(execution: string): Answer {
    const [, project, location] = /^projects\/([^/]+)\/locations\/([^/]+)/.exec(execution) ?? [];
    return {
      status: 200,
      body: {
        name: `projects/${project}/locations/${location}/operations/${randomUUID()}`,
        metadata: {
          '@type': 'type.googleapis.com/google.cloud.run.v2.Execution',
          name: execution,
          uid: randomUUID(),
          createTime: new Date(nowMs()).toISOString(),
          job: job.split('/').at(-1),
          taskCount: 1,
        },
      },
    };
  }

  async function route(request: SimulatorRequest): Promise<Answer> {
    const { pathname } = request.url;
    if (request.method === 'GET') {
      const [, asked] = /^\/v2\/([^:]+)$/.exec(pathname) ?? [];
      if (asked === undefined) return { status: 404 };
      requireToken(request);
      return describe(asked);
    }
    if (request.method !== 'POST') return { status: 404 };
    if (pathname === '/token') return giveToken(request);
    const [, name = '', verb] = /^\/v2\/(.+):(run|cancel)$/.exec(pathname) ?? [];
    if (verb === undefined) return { status: 404 };
    requireToken(request);
    return verb === 'run' ? run(request, name) : cancel(name);
  }

  async function handle(request: SimulatorRequest): Promise<Answer> {
    const date = new Date(nowMs()).toUTCString();
    const found = await route(request).catch((error: unknown) => {
      if (error instanceof GoogleRefusal) return error.toAnswer();
      throw error;
    });
    return { ...found, headers: { date, ...found.headers } };
  }

  const simulator = await startSimulator(options, handle);
  const tokenUrl = `${simulator.url}/token`;
  return {
    ...simulator,
    job,
    tokenUrl,
    keyFile: {
      type: 'service_account',
      project_id: 'academy',
      private_key_id: randomBytes(20).toString('hex'),
      private_key: pair.privateKey,
      client_email: EMAIL,
      token_uri: tokenUrl,
    },
    runs: () => [...runs.values()],
    tokens: () => given,
    expireTokens: () => tokens.clear(),
    finish(execution) {
      const known = runs.get(execution);
      if (known === undefined) throw notFound(execution);
      runs.set(execution, { ...known, state: 'succeeded' });
    },
    setClock(ms) {
      aheadMs = ms;
    },
  };
}

function notFound(name: string): GoogleRefusal {
  return new GoogleRefusal(404, 'NOT_FOUND', `Resource '${name}' was not found`);
}

/** The environment that a run is asked for with. */
function envIn(body: unknown): Record<string, string> {
  const overrides = at(body, 'overrides');
  const [first] = listAt(overrides, 'containerOverrides');
  const pairs = listAt(first, 'env').map((each) => [at(each, 'name'), at(each, 'value')] as const);
  for (const [name, value] of pairs) {
    if (typeof name !== 'string' || name === '' || typeof value !== 'string') throw invalid('env');
    if (Buffer.byteLength(value) > MAX_VARIABLE_BYTES) {
      throw invalid(`env[${name}]: the maximum length is ${MAX_VARIABLE_BYTES} bytes`);
    }
  }
  return Object.fromEntries(pairs.map(([name, value]) => [String(name), String(value)]));
}

function at(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function listAt(value: unknown, name: string): unknown[] {
  const list = at(value, name);
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw invalid(name);
  return list;
}

function invalid(what: string): GoogleRefusal {
  return new GoogleRefusal(400, 'INVALID_ARGUMENT', `Invalid value: ${what}`);
}
