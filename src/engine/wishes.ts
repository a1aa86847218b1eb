/** How often it is looked whether somebody wants something of what moves, in milliseconds, also where nothing is heard. */
const LOOK_EVERY_MS = 500;

/** Tells at once that something was asked of a recording, for as long as Redis is there; the ledger says what. */
export interface WishBell {
  /** Returns what ends the listening. */
  listen(recordingId: string, onRung: () => void): () => void;
}

/** Has those who move a recording look in the ledger for what somebody wants of it. */
export interface Wishes {
  /** Has `look` called now and again, and at once when something was asked; returns what ends that. */
  watch(recordingId: string, look: () => void): () => void;
}

/** @param options.lookEveryMs The longest time between two looks where nothing is heard, in milliseconds. */
export function createWishes({
  bell,
  lookEveryMs = LOOK_EVERY_MS,
}: {
  readonly bell?: WishBell;
  readonly lookEveryMs?: number | undefined;
} = {}): Wishes {
  return {
    watch(recordingId, look) {
      const timer = setInterval(look, lookEveryMs);
      const leave = bell?.listen(recordingId, look);
      return () => {
        clearInterval(timer);
        leave?.();
      };
    },
  };
}
