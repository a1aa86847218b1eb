import type { Logger } from 'pino';
import type { Recording } from '../domain/recording.ts';
import type { Lease } from '../ledger/gate.ts';

/** One attempt at one recording. */
export interface Attempt {
  readonly recording: Recording;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** The pause after the nth failed attempt at a step that ends by itself, in milliseconds; `undefined`: it was the last. */
  pauseMs(failedAttempts: number): number | undefined;
}
