import type { Logger } from 'pino';
import type { Checkpoints, Facts, Recording, Stage } from '../domain/recording.ts';
import type { Service } from '../ledger/circuits.ts';

/** What a stage is given to work with. */
export interface TaskContext<S extends Stage> {
  readonly recording: Recording;
  /** What the stages before it have proved. */
  readonly facts: Partial<Facts>;
  /** Where an earlier attempt of this stage stopped. */
  readonly checkpoint: Checkpoints[S] | undefined;
  /** Records where to resume; fails once another worker has the recording. */
  saveCheckpoint(checkpoint: Checkpoints[S]): Promise<void>;
  /** To be awaited before each remote effect: throws `LEASE_LOST` once another worker has the recording. */
  checkLease(): Promise<void>;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Says how far it has come; cheap, may be called often. */
  progress(doneBytes: number, totalBytes: number): void;
}

/** One stage of a recording's way. Running it again after any interruption is safe; its file says why. */
export interface Task<S extends Stage> {
  readonly stage: S;
  run(context: TaskContext<S>): Promise<Facts[S]>;
  /** The remote service that this stage of this recording depends on; none, or absent, if it needs no network. */
  serviceFor?(recording: Recording): Service | undefined;
  /** Whether a fact recorded earlier is still borne out by the local disk; absent: it is. */
  isStillTrue?(fact: Facts[S]): Promise<boolean>;
}

/** The fact of an earlier stage; that it is there is the pipeline's promise. */
export function requireFact<S extends Stage>(facts: Partial<Facts>, stage: S): Facts[S] {
  const fact = facts[stage];
  if (fact === undefined) throw new Error(`stage ${stage} has no fact yet`);
  return fact;
}
