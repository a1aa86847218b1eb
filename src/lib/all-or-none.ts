/**
 * Runs pieces of work at once. The first that fails stops the others, by the signal that each of them is given; once
 * all have ended its error is thrown.
 */
export async function allOrNone(
  signal: AbortSignal,
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    works.map(async (work) => {
      try {
        await work(either);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
      }
    }),
  );
  if (failure !== undefined) throw failure.error;
}

/** Does `count` steps in their order, at most `limit` at a time; the first that fails stops the others. */
export function inParallel(
  { limit, count, signal }: { limit: number; count: number; signal: AbortSignal },
  step: (index: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  let next = 0;
  async function takeSteps(either: AbortSignal): Promise<void> {
    while (next < count) {
      either.throwIfAborted();
      const index = next;
      next += 1;
      await step(index, either);
    }
  }
  return allOrNone(signal, Array(Math.min(limit, count)).fill(takeSteps));
}
