/** Things of which each serves one borrower at a time, so that tests that mostly wait can wait together. */
export interface Pool<T> {
  readonly all: readonly T[];
  /** Waits until one is free, and takes it back however the work ends. */
  lend(work: (item: T) => Promise<void>): Promise<void>;
}

export async function createPool<T>(size: number, make: () => Promise<T>): Promise<Pool<T>> {
  const all: T[] = [];
  for (let n = 0; n < size; n += 1) all.push(await make());
  const free = [...all];
  const waiting: ((item: T) => void)[] = [];

  function giveBack(item: T): void {
    const next = waiting.shift();
    if (next === undefined) free.push(item);
    else next(item);
  }

  return {
    all,
    async lend(work) {
      const item = free.shift() ?? (await new Promise<T>((resolve) => waiting.push(resolve)));
      try {
        await work(item);
      } finally {
        giveBack(item);
      }
    },
  };
}
