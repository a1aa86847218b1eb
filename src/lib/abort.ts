import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, unless the signal ends the wait: then it throws the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    signal.throwIfAborted();
  }
}

/** Does something now, and again and again with pauses, until the signal ends that; what it throws is passed on. */
export async function repeat(work: () => Promise<void>, everyMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await work();
    await pause(everyMs, signal).catch(() => {});
  }
}

/** The same until it is stopped, which waits for the work that is being done. */
export function startRepeating(
  work: (signal: AbortSignal) => Promise<void>,
  everyMs: number,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const repeating = repeat(() => work(stopping.signal), everyMs, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await repeating;
    },
  };
}

/** Waits for something that may never come, unless the signal ends the wait: then it throws the signal's reason. */
export async function untilAborted<T>(something: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([something, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Waits for `work`, but no longer than `timeoutMs`; true if it ended in time. Its failure is passed on. */
export async function withinTime(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), timeoutMs);
  });
  try {
    return (await Promise.race([work.then(() => 'done'), late])) === 'done';
  } finally {
    clearTimeout(timer);
  }
}
