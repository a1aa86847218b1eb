import type { AttackHouse } from './house.ts';

/** What an attack has met with, and whether that is what it should. */
export interface Outcome {
  readonly happened: string;
  readonly isOk: boolean;
}

export interface AttackStage {
  readonly house: AttackHouse;
  /** An upload of somebody else that attacks are aimed at; its path below the server's address. */
  readonly victim: string;
  readonly isQuick: boolean;
  /** Says that a recording came of an attack as it should: one that has failed, most likely. */
  intend(recordingId: string): void;
}

export interface Attack {
  readonly name: string;
  readonly expected: string;
  run(stage: AttackStage): Promise<Outcome>;
}

/** One line of the report. */
export interface Line extends Outcome {
  readonly group: string;
  readonly name: string;
  readonly expected: string;
}

/** The outcome of several tries that each should be answered with one of these. */
export function onlyStatuses(seen: readonly (number | undefined)[], ...allowed: readonly number[]): Outcome {
  const counts = new Map<string, number>();
  for (const status of seen) {
    const name = String(status ?? 'closed');
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const happened = [...counts]
    .map(([status, count]) => (count > 1 ? `${status} x${count}` : status))
    .join(', ');
  const isOk = seen.length > 0 && seen.every((status) => status === undefined || allowed.includes(status));
  return { happened, isOk };
}
