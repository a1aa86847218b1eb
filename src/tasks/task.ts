import type { Logger } from 'pino';
import type { Checkpoints, Facts, Recording, Stage } from '../domain/recording.ts';
import type { Service } from '../ledger/circuits.ts';
import type { EventType } from '../ledger/events.ts';
import type { OfferedSource, Source } from './source.ts';

/** What a stage is given to work with. */
export interface TaskContext<S extends Stage> {
  readonly recording: Recording;
  /** What is proved already; of the stages that run beside it nothing yet. */
  readonly facts: Partial<Facts>;
  /** Where an earlier attempt of this stage stopped. */
  readonly checkpoint: Checkpoints[S] | undefined;
  /** Records where to resume; fails once another worker has the recording. */
  saveCheckpoint(checkpoint: Checkpoints[S]): Promise<void>;
  /** To be awaited before each remote effect: throws `LEASE_LOST` once another worker has the recording. */
  checkLease(): Promise<void>;
  /**
   * To be awaited before something is asked of the stage's service that could take effect after it was given up, and
   * when such a thing is withdrawn: from now on it is looked for at `place`, and what is double is taken back.
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
  /** For the stages beside fetch: the recording's bytes, as soon as fetch knows what they are. */
  source(): Promise<Source>;
  /** For fetch: hands the bytes to the stages beside it, before all of them are there. */
  offer(source: OfferedSource): void;
}

/** One stage of a recording's way. Running it again after any interruption is safe; its file says why. */
export interface Task<S extends Stage> {
  readonly stage: S;
  run(context: TaskContext<S>): Promise<Facts[S]>;
  /** Whether this recording has this stage at all; absent: every recording has. */
  isFor?(recording: Recording): boolean;
  /** The remote service that this stage of this recording depends on; none, or absent, if it needs no network. */
  serviceFor?(recording: Recording): Service | undefined;
  /** Takes back what the stage has made so far, half or whole; a second time is harmless. Absent: nothing to take back. */
  withdraw?(context: WithdrawContext<S>): Promise<void>;
}

export type WithdrawContext<S extends Stage> = Pick<
  TaskContext<S>,
  'recording' | 'facts' | 'checkpoint' | 'checkLease' | 'expectLate' | 'note' | 'signal' | 'log'
>;

/** The fact of an earlier stage; that it is there is the pipeline's promise. */
export function requireFact<S extends Stage>(facts: Partial<Facts>, stage: S): Facts[S] {
  const fact = facts[stage];
  if (fact === undefined) throw new Error(`stage ${stage} has no fact yet`);
  return fact;
}
