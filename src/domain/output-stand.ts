import type { ErrorSummary } from './errors.ts';

/** How a step ends that is not done and never will be, unless somebody asks for it: it cannot be, or is not wanted. */
export type Ending = 'failed' | 'revoked';

/** How a step stands that ends by itself, without its run: what makes outputs, and what reads the bytes that such a step makes. */
export interface OutputStand {
  /** What it ends as, if it does; `null`: it is done, or still to be. */
  readonly ending: Ending | null;
  /** Nothing of what it had made is left. */
  readonly isOver: boolean;
  /** What it has met last, or why it has failed. */
  readonly error: ErrorSummary | null;
  /** Attempts of it that failed so far. */
  readonly failedAttempts: number;
}

/** By the ids of the steps. */
export type OutputStands = Readonly<Record<string, OutputStand>>;
