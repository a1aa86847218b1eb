import { type Recording, UNFINISHED_STATES } from '../domain/recording.ts';

/**
 * - `spool`: the folder of a download
 * - `scratch`: what a step has left of its work
 * - `upload`: a file that a tutor has uploaded
 * - `large-file`: an unfinished file in a store
 * - `video`: an empty video with a publisher
 * - `output`: files in a place of outputs
 */
export type LeftoverKind = 'spool' | 'scratch' | 'upload' | 'large-file' | 'video' | 'output';

/** Something of ours that no recording needs any more. */
export interface Leftover {
  readonly bytes?: number;
  /** Why it may go, in words for people. */
  readonly reason: string;
  /** Removes it; a second time is harmless. */
  remove(): Promise<void>;
}

/** Something that may be a leftover. */
export interface Suspect {
  readonly name: string;
  /** Looks at it as it is now; `undefined` says that it stays. */
  inspect(): Promise<Leftover | undefined>;
}

/** Looks for one kind of leftovers. */
export interface Broom {
  readonly kind: LeftoverKind;
  suspects(signal: AbortSignal): Promise<readonly Suspect[]>;
}

/** When something may go. */
export interface SweepTerms {
  /** The age before which nothing that is not plainly over is touched. */
  readonly afterMs: number;
  /** How long a failed recording is taken for one that somebody may still retry. */
  readonly failedKeepMs: number;
  readonly now: () => number;
}

/**
 * Whether a recording may still need what belongs to it: it is neither done nor
 * cancelled, and has not failed for good long ago.
 */
export function isLive({ state, endedAtMs }: Recording, { failedKeepMs, now }: SweepTerms): boolean {
  if (state === 'failed') return endedAtMs === null || now() - endedAtMs < failedKeepMs;
  return state === 'set-aside' || UNFINISHED_STATES.includes(state);
}

/** Whether something that is not plainly over is old enough to go; what has no readable time is not. */
export function isOld(atMs: number, { afterMs, now }: SweepTerms): boolean {
  return now() - atMs >= afterMs;
}

/**
 * Whether the ledger would know whose something is that was made at this time. One that is younger (a new file, a
 * setting that names the wrong one) knows nothing of what was there before it, and what it does not know stays.
 */
export function isWithinMemory(atMs: number, sinceMs: number | undefined): boolean {
  return sinceMs !== undefined && atMs >= sinceMs;
}
