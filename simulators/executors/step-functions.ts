import { randomBytes, randomUUID } from 'node:crypto';
import {
  type Answer,
  type Simulator,
  type SimulatorOptions,
  type SimulatorRequest,
  startSimulator,
} from '../shared/simulator.ts';
import { AwsRefusal } from './aws-refusal.ts';
import { requireSignature } from './aws-signature.ts';

const ACCOUNT = '123456789012';
const MAX_INPUT_BYTES = 262_144;

/** What a name may not have in it. */
const BAD_NAME = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]/u;

export interface StepFunctionsSimulatorOptions extends SimulatorOptions {
  readonly region?: string;
  /** The one machine that there is. */
  readonly stateMachine?: string;
  /** Default: `STANDARD`. */
  readonly type?: 'STANDARD' | 'EXPRESS';
  /** Default: `ACTIVE`. */
  readonly status?: 'ACTIVE' | 'DELETING';
  /** The key is a temporary one, and is taken with its session token alone. */
  readonly isTemporary?: boolean;
}

export interface SimulatedExecution {
  readonly executionArn: string;
  readonly name: string;
  readonly input: string;
  readonly startDate: number;
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'ABORTED';
}

/** A stand-in for AWS Step Functions: `StartExecution`, `StopExecution` and `DescribeStateMachine`. */
export interface StepFunctionsSimulator extends Simulator {
  readonly region: string;
  readonly keyId: string;
  readonly secretKey: string;
  /** `undefined`: the key is one that lasts. */
  readonly sessionToken: string | undefined;
  readonly stateMachineArn: string;
  /** In the order in which they were begun. */
  executions(): readonly SimulatedExecution[];
  /** Has an execution end by itself. */
  finish(executionArn: string): void;
  /** Ends the temporary key. */
  expireSession(): void;
  /** Sets its clock so much before ours. */
  setClock(aheadMs: number): void;
}

export async function startStepFunctionsSimulator(
  options: StepFunctionsSimulatorOptions = {},
): Promise<StepFunctionsSimulator> {
  const { region = 'eu-central-1', stateMachine = 'steps', isTemporary = false } = options;
  const { type = 'STANDARD', status = 'ACTIVE' } = options;
  const keyId = `${isTemporary ? 'ASIA' : 'AKIA'}${randomBytes(8).toString('hex').toUpperCase()}`;
  const sessionToken = isTemporary ? randomBytes(192).toString('base64') : undefined;
  let isExpired = false;
  const secretKey = randomBytes(20).toString('hex');
  const arnOf = (kind: string, name: string) => `arn:aws:states:${region}:${ACCOUNT}:${kind}:${name}`;
  const stateMachineArn = arnOf('stateMachine', stateMachine);
  const executions = new Map<string, SimulatedExecution>();
  let aheadMs = 0;
  const nowMs = () => Date.now() + aheadMs;
  const createdS = nowMs() / 1000;

  function requireMachine(input: Input): void {
    requireArn(input['stateMachineArn']);
    if (input['stateMachineArn'] === stateMachineArn) return;
    throw refused('StateMachineDoesNotExist', `State Machine Does Not Exist: '${input['stateMachineArn']}'`);
  }

  function describeStateMachine(input: Input): Answer {
    const { includedData = 'ALL_DATA' } = input;
    if (includedData !== 'ALL_DATA' && includedData !== 'METADATA_ONLY') {
      throw new AwsRefusal(
        'com.amazon.coral.validate#ValidationException',
        `1 validation error detected: Value at 'includedData' failed to satisfy constraint: Member must satisfy enum value set: [ALL_DATA, METADATA_ONLY]`,
      );
    }
    requireMachine(input);
    return answer({
      stateMachineArn,
      name: stateMachine,
      status,
      type,
      definition: includedData === 'METADATA_ONLY' ? '{}' : '{"StartAt":"Do","States":{}}',
      roleArn: `arn:aws:iam::${ACCOUNT}:role/${stateMachine}`,
      creationDate: createdS,
      loggingConfiguration: { level: 'OFF', includeExecutionData: false },
      tracingConfiguration: { enabled: false },
    });
  }

  function startExecution(input: Input): Answer {
    requireMachine(input);
    if (status === 'DELETING') {
      throw refused('StateMachineDeleting', `State Machine Deleting: '${stateMachineArn}'`);
    }
    const name = toName(input['name'] ?? randomUUID());
    const text = toInput(input['input'] ?? '{}');
    const executionArn = arnOf('execution', `${stateMachine}:${name}`);
    const known = executions.get(executionArn);
    if (known !== undefined && (known.status !== 'RUNNING' || known.input !== text)) {
      throw refused('ExecutionAlreadyExists', `Execution Already Exists: '${executionArn}'`);
    }
    const execution = known ?? {
      executionArn,
      name,
      input: text,
      startDate: nowMs() / 1000,
      status: 'RUNNING',
    };
    executions.set(executionArn, execution);
    return answer({ executionArn, startDate: execution.startDate });
  }

  function stopExecution(input: Input): Answer {
    requireArn(input['executionArn']);
    const execution = executions.get(String(input['executionArn']));
    if (execution === undefined) {
      throw refused('ExecutionDoesNotExist', `Execution Does Not Exist: '${input['executionArn']}'`);
    }
    if (execution.status === 'RUNNING') {
      executions.set(execution.executionArn, { ...execution, status: 'ABORTED' });
    }
    return answer({ stopDate: nowMs() / 1000 });
  }

  async function route(request: SimulatorRequest): Promise<Answer> {
    const { method, headers, url } = request;
    const body = await request.bytes();
    const credentials = { keyId, secretKey, sessionToken, region, service: 'states' };
    requireSignature({ method, headers, body }, credentials, nowMs());
    if (isExpired) {
      throw new AwsRefusal(
        'com.amazon.coral.service#ExpiredTokenException',
        'The security token included in the request is expired',
      );
    }
    const target = headers['x-amz-target'];
    if (method !== 'POST' || url.pathname !== '/' || !headers['content-type']?.includes('json-1.0')) {
      throw new AwsRefusal('com.amazon.coral.service#UnknownOperationException', '', 404);
    }
    const input = toObject(await request.json());
    if (target === 'AWSStepFunctions.StartExecution') return startExecution(input);
    if (target === 'AWSStepFunctions.StopExecution') return stopExecution(input);
    if (target === 'AWSStepFunctions.DescribeStateMachine') return describeStateMachine(input);
    throw new AwsRefusal('com.amazon.coral.service#UnknownOperationException', '');
  }

  async function handle(request: SimulatorRequest): Promise<Answer> {
    const more = { 'x-amzn-requestid': randomUUID(), date: new Date(nowMs()).toUTCString() };
    try {
      const given = await route(request);
      return { ...given, headers: { ...more, ...given.headers } };
    } catch (error) {
      if (!(error instanceof AwsRefusal)) throw error;
      const given = error.toAnswer();
      return { ...given, headers: { ...more, ...given.headers } };
    }
  }

  const simulator = await startSimulator(options, handle);
  return {
    ...simulator,
    region,
    keyId,
    secretKey,
    sessionToken,
    stateMachineArn,
    executions: () => [...executions.values()],
    finish(executionArn) {
      const execution = executions.get(executionArn);
      if (execution === undefined) throw new Error(`there is no execution ${executionArn}`);
      executions.set(executionArn, { ...execution, status: 'SUCCEEDED' });
    },
    expireSession() {
      isExpired = true;
    },
    setClock(ms) {
      aheadMs = ms;
    },
  };
}

type Input = Readonly<Record<string, unknown>>;

function toObject(value: unknown): Input {
  if (typeof value === 'object' && value !== null) return { ...value };
  throw new AwsRefusal('com.amazon.coral.service#SerializationException', '');
}

function requireArn(value: unknown): void {
  if (typeof value === 'string' && /^arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:\w+:\S+$/.test(value)) return;
  throw refused('InvalidArn', `Invalid Arn: '${value}'`);
}

function toName(value: unknown): string {
  const name = String(value);
  if (name.length >= 1 && name.length <= 80 && !BAD_NAME.test(name)) return name;
  throw refused('InvalidName', `Invalid Name: '${name}'`);
}

function toInput(value: unknown): string {
  const text = String(value);
  if (Buffer.byteLength(text) > MAX_INPUT_BYTES) {
    throw new AwsRefusal(
      'com.amazon.coral.validate#ValidationException',
      `1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to ${MAX_INPUT_BYTES}`,
    );
  }
  try {
    JSON.parse(text);
  } catch {
    throw refused('InvalidExecutionInput', 'Invalid State Machine Execution Input');
  }
  return text;
}

function refused(type: string, message: string): AwsRefusal {
  return new AwsRefusal(`com.amazonaws.swf.service.v2.model#${type}`, message);
}

function answer(body: object): Answer {
  return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.0' }, body };
}
