type Source = () => number;

const ownClock: Source = () => Date.now();
let source = ownClock;

/**
 * What time it is for everybody who shares a ledger, in milliseconds since 1970: that of this machine, or of the database that
 * all its hosts have in common. It is what is written into the ledger and compared with what is there, and by which signatures and
 * tokens are made and judged. The age of a file goes by the machine's own clock.
 */
export function wallMs(): number {
  return source();
}

/** A moment by this machine's own clock, for what knows no other one. */
export function byOwnClock(atMs: number): number {
  return atMs + Date.now() - wallMs();
}

/** Whether this machine's clock agrees with that time so far that ages of files can be believed. */
export function isOwnClockRight(toleranceMs: number): boolean {
  return Math.abs(Date.now() - wallMs()) < toleranceMs;
}

/**
 * Goes by another clock from now on, in all of this process.
 *
 * @returns Goes by the machine's own again, unless yet another has taken its place
 */
export function goBy(other: Source): () => void {
  source = other;
  return () => {
    if (source === other) source = ownClock;
  };
}
