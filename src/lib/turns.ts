import { untilAborted } from './abort.ts';

/** Lets so many pieces of work go on at once; others wait for their turn, in the order in which they came. */
export interface Turns {
  /** Does the work once it is its turn, unless the signal ends the wait: then it throws the signal's reason. */
  take<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createTurns(atOnce: number): Turns {
  let free = atOnce;
  const waiting: (() => void)[] = [];

  function release(): void {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }

  async function acquire(signal: AbortSignal): Promise<void> {
    if (free > 0) {
      free -= 1;
      return;
    }
    let give = (): void => {};
    const given = new Promise<void>((resolve) => {
      give = resolve;
    });
    waiting.push(give);
    try {
      await untilAborted(given, signal);
    } catch (error) {
      const at = waiting.indexOf(give);
      if (at >= 0) waiting.splice(at, 1);
      // It was given the turn at the moment at which it gave up.
      else release();
      throw error;
    }
  }

  return {
    async take(work, signal) {
      signal.throwIfAborted();
      await acquire(signal);
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
