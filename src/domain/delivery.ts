import type { ErrorSummary } from './errors.ts';

/** - `pending`: still to be heard - `delivered`: it answered 2xx - `failed`: given up */
export type DeliveryState = 'pending' | 'delivered' | 'failed';

/** One announcement to one receiver: one id and one frozen body for all its attempts. */
export interface Delivery {
  /** The `webhook-id`, by which its receiver recognises an announcement that it has heard before. */
  readonly id: string;
  readonly recordingId: string;
  /** The address of a run that it goes to; `null`: to the website. */
  readonly url: string | null;
  readonly type: string;
  readonly body: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly lastError: ErrorSummary | null;
  readonly notBeforeMs: number;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
}

/** How one attempt at an announcement went. */
export interface DeliveryAttempt {
  readonly atMs: number;
  readonly tookMs: number;
  /** `null`: there was no answer. */
  readonly status: number | null;
  /** The beginning of the answer. */
  readonly answer: string | null;
  readonly error: ErrorSummary | null;
}
