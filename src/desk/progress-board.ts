import type { Legs, ProgressMessage } from '../domain/progress.ts';
import { STANDING_AFTER_MS } from '../queue/progress.ts';

/** Keeps the last that the worker has told of how far the recording is that moves. */
export interface ProgressBoard {
  /** Takes what is told. */
  told(message: ProgressMessage): void;
  /** The last that was told of this recording, as it was told. */
  legsOf(recordingId: string): Legs | undefined;
  /** The last of all, as it is by now: what has not been heard of for a while stands. */
  last(): ProgressMessage | undefined;
  /** Has a listener hear each message from now on. */
  listen(listener: (message: ProgressMessage) => void): void;
}

export function createProgressBoard(): ProgressBoard {
  const listeners: ((message: ProgressMessage) => void)[] = [];
  let last: { readonly message: ProgressMessage; readonly atMs: number } | undefined;
  return {
    told(message) {
      last = { message, atMs: performance.now() };
      const now = standing(message, 0);
      for (const listener of listeners) listener(now);
    },
    legsOf: (recordingId) => (last?.message.recordingId === recordingId ? last.message.legs : undefined),
    last: () => last && standing(last.message, Math.floor((performance.now() - last.atMs) / 1000)),
    listen: (listener) => void listeners.push(listener),
  };
}

/** @param ageS For how long nothing has been heard since. */
function standing({ recordingId, legs }: ProgressMessage, ageS: number): ProgressMessage {
  const told = Object.entries(legs).map(([stage, leg]) => {
    const idleS = leg.idleS + ageS;
    const isStanding = idleS * 1000 >= STANDING_AFTER_MS;
    const isDone = leg.leftS === 0;
    return [
      stage,
      {
        ...leg,
        ...(isStanding ? { bytesPerS: 0 } : {}),
        leftS: isStanding && !isDone ? undefined : leg.leftS,
        idleS: isDone ? 0 : idleS,
      },
    ] as const;
  });
  return { recordingId, legs: Object.fromEntries(told) };
}
