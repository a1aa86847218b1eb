import type { Fault } from '../shared/faults.ts';
import type { Answer } from '../shared/simulator.ts';

/** A refusal in B2's words: an HTTP status and a code that programs read, a message for people. */
export class B2Refusal extends Error {
  override readonly name = 'B2Refusal';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The refusal for most mistakes of a client: 400 `bad_request`. */
export function badRequest(message: string): B2Refusal {
  return new B2Refusal(400, 'bad_request', message);
}

/** The answer that carries a refusal: `{status, code, message}`. */
export function toAnswer({ status, code, message }: B2Refusal): Answer {
  return { status, body: { status, code, message } };
}

/** A fault that answers with B2's own error body, to be handed to `fail`, with whatever else the fault needs. */
export function b2Fault(on: string, status: number, code: string, more: Partial<Fault> = {}): Fault {
  return {
    on,
    status,
    body: JSON.stringify({ status, code, message: `injected: ${code}` }),
    ...more,
    headers: { 'content-type': 'application/json', ...more.headers },
  };
}
