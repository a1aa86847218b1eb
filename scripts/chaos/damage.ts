/** Damage that goes on until it is stopped. */
export interface Damage {
  /** Does no more of it; what it has under way ends well first. */
  stop(): Promise<void>;
}

/** @param damage Does it until the signal ends that */
export function startDamage(damage: (signal: AbortSignal) => Promise<void>): Damage {
  const stopping = new AbortController();
  const damaging = damage(stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  // Whoever stops it is told.
  damaging.catch(() => {});
  return {
    async stop() {
      stopping.abort();
      await damaging;
    },
  };
}
