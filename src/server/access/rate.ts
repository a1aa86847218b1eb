/** More callers at once are not told apart: the ones that were quiet longest are forgotten. */
const MAX_CALLERS = 10_000;

export interface RateOptions {
  /** So many at once, after a quiet time. */
  readonly burst: number;
  /** And so many in each second, for as long as it goes on. */
  readonly perSecond: number;
  /** By default a clock that nobody sets. */
  readonly now?: () => number;
}

/** Counts what callers do, each by itself, and says who does too much. */
export interface Rate {
  /** Counts one; returns how long the caller has to wait, in milliseconds, or 0 if it may go on. */
  take(caller: string): number;
  /** The same without counting. */
  waitMs(caller: string): number;
}

/** A bucket per caller that fills up again at a steady rate. */
export function createRate({ burst, perSecond, now = () => performance.now() }: RateOptions): Rate {
  const buckets = new Map<string, { level: number; atMs: number }>();

  function levelOf(caller: string): number {
    const bucket = buckets.get(caller);
    if (bucket === undefined) return burst;
    return Math.min(burst, bucket.level + (Math.max(0, now() - bucket.atMs) / 1000) * perSecond);
  }

  /** Half of them at once, for one by one would cost more each. */
  function forgetQuiet(): void {
    for (const quiet of buckets.keys()) {
      if (buckets.size <= MAX_CALLERS / 2) break;
      buckets.delete(quiet);
    }
  }

  function waitFor(level: number): number {
    return level >= 1 ? 0 : Math.ceil(((1 - level) / perSecond) * 1000);
  }

  return {
    waitMs: (caller) => waitFor(levelOf(caller)),
    take(caller) {
      const level = levelOf(caller);
      const waitMs = waitFor(level);
      // Last in the order of the map, so that whoever is first has been quiet longest.
      buckets.delete(caller);
      buckets.set(caller, { level: waitMs === 0 ? level - 1 : level, atMs: now() });
      if (buckets.size > MAX_CALLERS) forgetQuiet();
      return waitMs;
    },
  };
}
