/** A bad answer that may pass: it counts once it has been given several times over a time. */
export interface Doubt {
  readonly looks: number;
  readonly sinceMs: number;
}

/** How many times, and over how long, the same bad answer is given before it is believed. */
export interface Patience {
  readonly looks: number;
  readonly forMs: number;
}

/** The bad answer once more; a clock that was put back begins the time anew. */
export function anotherLook(doubt: Doubt | null | undefined, nowMs: number): Doubt {
  return { looks: (doubt?.looks ?? 0) + 1, sinceMs: Math.min(doubt?.sinceMs ?? nowMs, nowMs) };
}

export function isBelieved({ looks, sinceMs }: Doubt, patience: Patience, nowMs: number): boolean {
  return looks >= patience.looks && nowMs - sinceMs >= patience.forMs;
}
