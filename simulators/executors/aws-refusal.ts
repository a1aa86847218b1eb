import type { Fault } from '../shared/faults.ts';
import type { Answer } from '../shared/simulator.ts';

const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.0' };

/** A refusal in the words of AWS's JSON 1.0: the status is 400 for nearly all of them, and the type tells them apart. */
export class AwsRefusal extends Error {
  readonly type: string;
  readonly status: number;

  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }

  toAnswer(): Answer {
    return { status: this.status, headers: JSON_TYPE, body: { __type: this.type, message: this.message } };
  }
}

/** A fault that answers an operation of Step Functions with an error of this type, to be handed to `fail`. */
export function statesFault(operation: string, type: string, more: Partial<Fault> = {}): Fault {
  return {
    on: 'POST /',
    where: { 'x-amz-target': `AWSStepFunctions.${operation}` },
    status: 400,
    body: JSON.stringify({ __type: type, message: `injected: ${type}` }),
    ...more,
    headers: { ...JSON_TYPE, ...more.headers },
  };
}
