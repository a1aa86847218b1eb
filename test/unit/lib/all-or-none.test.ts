import { describe, expect, it } from 'vitest';
import { allOrNone, inParallel } from '../../../src/lib/all-or-none.ts';

const NEVER = new AbortController().signal;

/** Work that goes on until it is stopped. */
function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

describe('work that is done at once', () => {
  it('is stopped by the first failure, whose error is the one that counts', async () => {
    let isStopped = false;
    const failing = async () => {
      throw new Error('first');
    };
    const stopped = (signal: AbortSignal) =>
      untilStopped(signal).catch(() => {
        isStopped = true;
        throw new Error('second');
      });
    await expect(allOrNone(NEVER, [stopped, failing])).rejects.toThrow('first');
    expect(isStopped).toBe(true);
  });

  it('is stopped from outside, with the reason given there', async () => {
    const outside = new AbortController();
    const done = allOrNone(outside.signal, [untilStopped, untilStopped]);
    outside.abort(new Error('shutdown'));
    await expect(done).rejects.toThrow('shutdown');
  });
});

describe('steps in parallel', () => {
  it('begin in their order, never more at once than the limit, each once', async () => {
    const begun: number[] = [];
    let atOnce = 0;
    let most = 0;
    await inParallel({ limit: 3, count: 10, signal: NEVER }, async (index) => {
      begun.push(index);
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce -= 1;
    });
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(most).toBe(3);
  });

  it('begin no further step after one has failed', async () => {
    const begun: number[] = [];
    const steps = inParallel({ limit: 2, count: 10, signal: NEVER }, async (index, signal) => {
      begun.push(index);
      if (index === 1) throw new Error('broken');
      await untilStopped(signal);
    });
    await expect(steps).rejects.toThrow('broken');
    expect(begun).toEqual([0, 1]);
  });
});
