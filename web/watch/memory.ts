/** What this browser remembers: where somebody was in a recording, and how they like to watch. */
export interface Memory {
  /** Seconds; `undefined`: from the beginning. */
  placeOf(id: string): number | undefined;
  keepPlace(id: string, atS: number, lengthS: number): void;
  liking(what: 'speed' | 'captions'): string | undefined;
  keepLiking(what: 'speed' | 'captions', value: string): void;
}

/** As browsers have it. */
interface Kept {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** So far in, or so near the end, nobody needs to be taken back, in seconds. */
const BEGINNING_S = 10;
const END_S = 15;

/** How many recordings are remembered. */
const MOST = 100;

const PLACES = 'sluice.watch.places';

/** @param storage Asked each time, for in a frame of another site a browser may refuse it. */
export function createMemory(storage: () => Kept): Memory {
  function read(key: string): string | undefined {
    try {
      return storage().getItem(key) ?? undefined;
    } catch {
      return undefined;
    }
  }

  function write(key: string, value: string): void {
    try {
      storage().setItem(key, value);
    } catch {
      // Then it is not remembered.
    }
  }

  function places(): [string, number][] {
    try {
      const kept: unknown = JSON.parse(read(PLACES) ?? '[]');
      return Array.isArray(kept) ? (kept as [string, number][]) : [];
    } catch {
      return [];
    }
  }

  return {
    placeOf: (id) => places().find(([each]) => each === id)?.[1],
    keepPlace(id, atS, lengthS) {
      const others = places().filter(([each]) => each !== id);
      const isWorth = atS > BEGINNING_S && atS < lengthS - END_S;
      const mine: [string, number][] = isWorth ? [[id, Math.floor(atS)]] : [];
      write(PLACES, JSON.stringify([...mine, ...others].slice(0, MOST)));
    },
    liking: (what) => read(`sluice.watch.${what}`),
    keepLiking: (what, value) => write(`sluice.watch.${what}`, value),
  };
}
