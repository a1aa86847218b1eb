import type { Legs, ProgressMessage } from '../domain/progress.ts';
import { keepLast } from '../lib/keep-last.ts';
import { STANDING_AFTER_MS } from '../queue/progress.ts';

/** As many recordings are remembered; so many never move at once. */
const MOST = 100;

/** Keeps the last that the worker has told of how far the recordings are that move. */
export interface ProgressBoard {
  /** Takes what is told. */
  told(message: ProgressMessage): void;
  /** The last that was told of this recording's bytes, as it was told. */
  legsOf(recordingId: string): Legs | undefined;
  /** The last of a recording, as it is by now: what has not been heard of for a while stands. */
  of(recordingId: string): ProgressMessage | undefined;
  /** The last of each, as it is by now, the one that was told last at the end. */
  all(): ProgressMessage[];
  /** Has a listener hear each message from now on. */
  listen(listener: (message: ProgressMessage) => void): void;
}

export function createProgressBoard(): ProgressBoard {
  const listeners: ((message: ProgressMessage) => void)[] = [];
  const told = new Map<string, { readonly message: ProgressMessage; readonly atMs: number }>();
  const asNow = ({ message, atMs }: { message: ProgressMessage; atMs: number }) =>
    standing(message, Math.floor((performance.now() - atMs) / 1000));
  return {
    told(message) {
      keepLast(told, message.recordingId, { message, atMs: performance.now() }, MOST);
      const now = standing(message, 0);
      for (const listener of listeners) listener(now);
    },
    legsOf: (recordingId) => told.get(recordingId)?.message.legs,
    of(recordingId) {
      const last = told.get(recordingId);
      return last && asNow(last);
    },
    all: () => [...told.values()].map(asNow),
    listen: (listener) => void listeners.push(listener),
  };
}

/** @param ageS For how long nothing has been heard since. */
function standing({ recordingId, legs, encodings }: ProgressMessage, ageS: number): ProgressMessage {
  return {
    recordingId,
    legs: mapped(legs, (leg) => ({
      ...leg,
      ...restOf(leg, ageS),
      ...(stands(leg, ageS) ? { bytesPerS: 0 } : {}),
    })),
    encodings: mapped(encodings, (each) => ({
      ...each,
      ...restOf(each, ageS),
      ...(stands(each, ageS) ? { speed: 0 } : {}),
    })),
  };
}

interface Paced {
  readonly leftS: number | undefined;
  readonly idleS: number;
}

function mapped<T>(all: Readonly<Record<string, T>>, change: (each: T) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(all).map(([stage, each]) => [stage, change(each)]));
}

function stands({ idleS }: Paced, ageS: number): boolean {
  return (idleS + ageS) * 1000 >= STANDING_AFTER_MS;
}

function restOf(paced: Paced, ageS: number): Paced {
  const isDone = paced.leftS === 0;
  return {
    leftS: stands(paced, ageS) && !isDone ? undefined : paced.leftS,
    idleS: isDone ? 0 : paced.idleS + ageS,
  };
}
