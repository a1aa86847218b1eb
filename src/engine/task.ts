import type { Logger } from 'pino';
import type { z } from 'zod';
import type { PlannedStep, TaskShape } from '../domain/recipe.ts';
import type { Recording } from '../domain/recording.ts';
import type { EventType } from '../ledger/events.ts';
import type { Bytes, OfferedBytes } from './bytes.ts';

/** What a step has proved. */
export interface Proof<F = unknown> {
  readonly step: string;
  readonly fact: F;
}

/** What a step of a run is given to work with. */
export interface TaskContext<P = unknown, C = unknown> {
  readonly recording: Recording;
  readonly step: PlannedStep;
  readonly params: P;
  /** What the steps of this task have proved already, in the plan's order; of those that run beside it nothing yet. */
  proved(task: string): readonly Proof[];
  /** Of this attempt: no other has it, and later ones have higher ones. */
  readonly fence: number;
  /** Where an earlier attempt of this step stopped. */
  readonly checkpoint: C | undefined;
  /** Records where to resume; fails once another worker has the run. */
  saveCheckpoint(checkpoint: C): Promise<void>;
  /** To be awaited before each remote effect: throws `LEASE_LOST` once another worker has the run. */
  checkLease(): Promise<void>;
  /**
   * To be awaited before something is asked of the step's service that could take effect after it was given up, and when
   * such a thing is withdrawn: from now on it is looked for at `place`, and what is double is taken back.
   */
  expectLate(place: string): Promise<void>;
  /** The first request was answered: nothing can come late of it. Changes nothing where more was expected there. */
  cameInTime(place: string): Promise<void>;
  /** Adds to the recording's history. */
  note(type: EventType, data: object): Promise<void>;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /**
   * Says how far it has come, and whether by bytes that moved just now (the first call says where it begins); cheap, may be
   * called often.
   *
   * @param totalBytes 0 as long as nobody knows
   */
  progress(doneBytes: number, totalBytes: number, how?: 'moved' | 'found'): void;
  /**
   * Says how far it has come with encoding, in seconds of the film; cheap, may be called often.
   *
   * @param totalS 0 as long as nobody knows
   */
  encodes(doneS: number, totalS: number): void;
  /** The bytes that the task has declared to take: growing ones as soon as it is known what they are. */
  take(input: string): Promise<Bytes>;
  /** Hands bytes that the task has declared to make to whoever takes them, before all of them are there. */
  make(output: string, bytes: OfferedBytes): void;
}

export type WithdrawContext<P = unknown, C = unknown> = Pick<
  TaskContext<P, C>,
  | 'recording'
  | 'step'
  | 'params'
  | 'proved'
  | 'fence'
  | 'checkpoint'
  | 'checkLease'
  | 'expectLate'
  | 'note'
  | 'signal'
  | 'log'
> & {
  /** What the step had proved, if it had. */
  readonly fact: unknown;
};

/** A kind of work. Running it again after any interruption is safe; its file says why. */
export interface Task<P = unknown, F = unknown, C = unknown> extends TaskShape {
  readonly params?: z.ZodType<P>;
  /**
   * How its checkpoint is read. It grows by optional fields only: one that does not parse holds the step, for it may be the
   * only memory of something that was made elsewhere.
   */
  readonly checkpoint?: z.ZodType<C>;
  run(context: TaskContext<P, C>): Promise<F>;
  /** The service that a step depends on, by its name; none, or absent, if it needs no network. */
  serviceFor?(input: {
    readonly recording: Recording;
    readonly params: P;
    /** What the recording's steps have proved so far, by their ids. */
    readonly facts: Readonly<Record<string, unknown>>;
  }): string | undefined;
  /** The bytes that an earlier attempt has made; `undefined` if they are gone: then the step runs once more. */
  reopen?(input: {
    readonly recording: Recording;
    readonly fact: F;
    readonly output: string;
  }): Promise<OfferedBytes | undefined>;
  /** Takes back what the step has made so far, half or whole; a second time is harmless. Absent: nothing to take back. */
  withdraw?(context: WithdrawContext<P, C>): Promise<void>;
  /** It leaves something on the disk before it has anything to record, so there is always something to take back. */
  readonly leavesUnrecorded?: true;
  /**
   * What of this the step has made in its service, by its name there: an id. Whose something is that is found there is
   * looked up by it. To be called with what the step has recorded so far, and to name all of it each time.
   */
  claims?(said: {
    readonly checkpoint: C | undefined;
    readonly fact: F | undefined;
  }): readonly (string | null | undefined)[];
  /** What it has made stays when a recording is gone through once more from there. */
  readonly isHome?: true;
}

// biome-ignore lint/suspicious/noExplicitAny: each step is run with what its own task has made of it
export type AnyTask = Task<any, any, any>;

export type Tasks = ReadonlyMap<string, AnyTask>;
