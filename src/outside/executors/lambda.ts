import { AwsV4Signer } from 'aws4fetch';
import { z } from 'zod';
import type { KnownError } from '../../domain/errors.ts';
import type { Executor } from '../../engine/ports/executor.ts';
import type { Call } from '../../engine/ports/store.ts';
import { parseJson, type Request, type Response, readText, send } from '../../lib/http.ts';
import { wallMs } from '../../lib/wall-time.ts';
import {
  clockHint,
  describeRefusal,
  isRefusedFor,
  requireFits,
  type Verdict,
  verdictIn,
} from './refusals.ts';
import { executionArnOf, machineArnOf } from './state-machine.ts';

const LABEL = 'AWS Step Functions';

/** The longest input of an execution, in bytes. */
const MAX_INPUT_BYTES = 262_144;

/** What the errors that Step Functions and its front door document speak of. Most have the status 400. */
const VERDICTS: Readonly<Record<string, Verdict>> = {
  StateMachineDoesNotExist: 'mend',
  StateMachineDeleting: 'mend',
  StateMachineTypeNotSupported: 'mend',
  InvalidArn: 'mend',
  AccessDeniedException: 'mend',
  UnrecognizedClientException: 'mend',
  InvalidClientTokenId: 'mend',
  MissingAuthenticationToken: 'mend',
  MissingAuthenticationTokenException: 'mend',
  IncompleteSignature: 'mend',
  IncompleteSignatureException: 'mend',
  InvalidSignatureException: 'mend',
  SignatureDoesNotMatch: 'mend',
  ExpiredTokenException: 'mend',
  NotAuthorized: 'mend',
  OptInRequired: 'mend',
  KmsAccessDeniedException: 'mend',
  KmsInvalidStateException: 'mend',
  ExecutionLimitExceeded: 'busy',
  ThrottlingException: 'busy',
  KmsThrottlingException: 'busy',
  RequestExpired: 'down',
  InternalFailure: 'down',
  ServiceUnavailable: 'down',
  InvalidExecutionInput: 'job',
  InvalidName: 'job',
  ValidationException: 'job',
};

const errorShape = z.object({
  __type: z.string(),
  message: z.string().optional(),
  Message: z.string().optional(),
});

const startedShape = z.object({ executionArn: z.string().min(1) });
const stoppedShape = z.object({ stopDate: z.number() });
const describedShape = z.object({ name: z.string(), type: z.string(), status: z.string().optional() });

export interface LambdaOptions {
  /** Of a machine of the type STANDARD. */
  readonly stateMachineArn: string;
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly region: string;
  readonly keyId: string;
  readonly secretKey: string;
  /** Of temporary keys, which are none without it. */
  readonly sessionToken: string | undefined;
  readonly idleTimeoutMs: number;
  readonly minBytesPerSecond?: number;
}

/**
 * Begins each job as an execution of a state machine, whose input is the job. It is named for the job's id, and no name
 * is used twice within 90 days: asked again for the same id it begins nothing, also where the first execution has ended
 * by then.
 */
export function createLambdaExecutor(options: LambdaOptions): Executor {
  const { stateMachineArn } = options;
  const ask = createAsk(options);
  return {
    name: 'lambda',
    service: 'executor',
    label: LABEL,

    async start(job, call) {
      const name = `sluice-${job.job.id}`;
      const input = JSON.stringify(job);
      requireFits(input, { label: LABEL, maxBytes: MAX_INPUT_BYTES });
      try {
        const { executionArn } = await ask(
          'StartExecution',
          { stateMachineArn, name, input },
          startedShape,
          call,
        );
        return { ref: executionArn };
      } catch (error) {
        if (!isRefusedFor(error, ['ExecutionAlreadyExists'])) throw error;
        return { ref: executionArnOf(stateMachineArn, name) };
      }
    },

    async stop(executionArn, call) {
      try {
        await ask('StopExecution', { executionArn }, stoppedShape, call);
      } catch (error) {
        // Nothing runs there by that name; what another executor has begun is called otherwise.
        if (!isRefusedFor(error, ['ExecutionDoesNotExist', 'InvalidArn'])) throw error;
      }
    },
  };
}

/** How the state machine stands, whichever version of it jobs are begun with. Begins nothing. */
export async function describeStateMachine(options: LambdaOptions, call: Call) {
  const stateMachineArn = machineArnOf(options.stateMachineArn);
  // Without its definition, which may be encrypted with a key that is not for us.
  const input = { stateMachineArn, includedData: 'METADATA_ONLY' };
  return await createAsk(options)('DescribeStateMachine', input, describedShape, call);
}

type Ask = <T>(operation: string, input: object, shape: z.ZodType<T>, call: Call) => Promise<T>;

/** Signed calls (AWS Signature Version 4, JSON 1.0), each sent once. */
function createAsk({ endpoint, region, keyId, secretKey, sessionToken, ...transfer }: LambdaOptions): Ask {
  /** Keys that signatures are made with, for a day each. */
  const cache = new Map<string, ArrayBuffer>();
  const url = `${endpoint}/`;

  return async (operation, input, shape, { signal }) => {
    const body = JSON.stringify(input);
    const signed = await new AwsV4Signer({
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AWSStepFunctions.${operation}`,
      },
      body,
      accessKeyId: keyId,
      secretAccessKey: secretKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: 'states',
      region,
      datetime: new Date(wallMs()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
      cache,
    }).sign();
    const request: Request = {
      service: LABEL,
      method: 'POST',
      url,
      headers: Object.fromEntries(signed.headers),
      body,
      signal,
      idleTimeoutMs: transfer.idleTimeoutMs,
      minBytesPerSecond: transfer.minBytesPerSecond,
    };
    const response = await send(request);
    const text = await readText(request, response);
    if (response.status < 200 || response.status > 299) throw refusalOf(request, response, text);
    return parseJson(request, text, shape);
  };
}

function refusalOf(request: Request, response: Response, text: string): KnownError {
  const { reason, message } = errorIn(text);
  const said = reason === undefined ? text : [reason, message].filter(Boolean).join(': ');
  const verdict = verdictIn(VERDICTS, reason);
  const hint = verdict === 'mend' ? clockHint(response.headers) : '';
  return describeRefusal(request, response, { text: said, verdict, reason, hint });
}

/** The error as an answer has it; its type may have a namespace before it and an address behind it. */
function errorIn(text: string): { reason?: string; message?: string } {
  try {
    const { __type: type, message, Message } = errorShape.parse(JSON.parse(text));
    return { reason: type.replace(/^.*#/, '').replace(/:.*$/, ''), message: message ?? Message };
  } catch {
    return {};
  }
}
