import type { ErrorCode } from '../domain/error-catalogue.ts';
import { KnownError } from '../domain/errors.ts';

/** How long a step waits for what only a person can bring back, in milliseconds. */
const HELD_MS = 10 * 60_000;

/** The error of a step that waits, at no cost, until a person has seen to it. */
export function held(message: string, code: ErrorCode): KnownError {
  return new KnownError(message, { code, retry: { waitMs: HELD_MS } });
}
