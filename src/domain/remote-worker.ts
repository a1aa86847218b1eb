import { z } from 'zod';

/*
 * A worker elsewhere comes for its work: it was invited once, has a key of its own since, and asks again and again for a step of the
 * tasks that it can do. What it may say of itself is here.
 */

/**
 * - `active`: it is given work
 * - `drained`: it ends what it has, and is given no more
 * - `revoked`: its key opens nothing any more
 */
export const REMOTE_WORKER_STATES = ['active', 'drained', 'revoked'] as const;
export type RemoteWorkerState = (typeof REMOTE_WORKER_STATES)[number];

export interface RemoteWorker {
  /** A UUID. */
  readonly id: string;
  /** No two that are not revoked have the same one, whatever their capitals. */
  readonly name: string;
  /** The tasks that it can do. */
  readonly tasks: readonly string[];
  /** Of its program. */
  readonly version: string;
  /** What it says of its machine, for people. */
  readonly machine: string;
  readonly state: RemoteWorkerState;
  readonly registeredAtMs: number;
  /** When it last asked for work or said something of it. */
  readonly seenAtMs: number;
}

const words = (most: number) =>
  z
    .string()
    .trim()
    .max(most)
    .regex(/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u, { error: 'must have no invisible characters' });

const taskNames = z
  .array(z.string().regex(/^[a-z][a-z0-9-]{0,49}$/, { error: 'must be the name of a task' }))
  .min(1)
  .max(50);

/** What a worker says of itself when it registers. */
export const newRemoteWorker = z.strictObject({
  name: words(60).min(1).describe('What people call it; no other worker has it'),
  tasks: taskNames.describe('The tasks that it can do'),
  version: words(50).default('').describe('Of its program'),
  machine: words(200).default('').describe('What people want to know of its machine'),
});

export type NewRemoteWorker = z.output<typeof newRemoteWorker>;
