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

/**
 * Lets one piece of work after another be done about the same, in this process; what is done about others waits for nothing. What
 * nothing is done about any more is forgotten.
 */
export function createTurnsAbout(): <T>(about: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (about, work) => {
    const turn = (last.get(about) ?? Promise.resolve()).then(work);
    const over = turn
      .catch(() => {})
      .then(() => {
        if (last.get(about) === over) last.delete(about);
      });
    last.set(about, over);
    return turn;
  };
}
