import type { Service } from '../ledger/circuits.ts';
import type { Claim } from '../ledger/claims.ts';
import type { EventType } from '../ledger/events.ts';

/** Looks in one service for what has taken effect after it was given up. */
export interface LateLooker {
  readonly service: Service;
  /** Whether it is the one that looks at a place; absent: at all at which no other one of its service does. */
  isFor?(place: string): boolean;
  /**
   * Looks once, and takes back what is double: only what bears this recording's mark, and never what its fact names.
   * Returns what its history is to say.
   */
  look(input: LateLookInput): Promise<readonly LateFinding[]>;
}

export interface LateLookInput {
  readonly recordingId: string;
  /** As the stage has named it. */
  readonly place: string;
  /**
   * What the ledger has of the recording now; `undefined`: it has a new beginning, and nothing of it is to be touched. To
   * be asked for after the service was, and again before each removal: what a service had before the ledger named what
   * stays cannot be that.
   */
  claim(): Promise<Claim | undefined>;
  readonly signal: AbortSignal;
}

export interface LateFinding {
  readonly type: EventType;
  readonly data: object;
}
