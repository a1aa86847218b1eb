import { ERRORS } from '@tus/server';
import { describe, expect, it, vi } from 'vitest';
import { createQueueLocker } from '../../src/tus/queue-locker.ts';

const never = new AbortController().signal;
const nothing = () => {};

describe('the locker', () => {
  it('gives an upload to one after the other, in the order in which they came', async () => {
    const locker = createQueueLocker();
    const order: number[] = [];
    const first = locker.newLock('a');
    await first.lock(never, nothing);
    const others = [1, 2, 3].map(async (number) => {
      const lock = locker.newLock('a');
      await lock.lock(never, nothing);
      order.push(number);
      await lock.unlock();
    });

    expect(order).toEqual([]);
    await first.unlock();
    await Promise.all(others);

    expect(order).toEqual([1, 2, 3]);
    await locker.idle();
  });

  it('holds up no other upload', async () => {
    const locker = createQueueLocker();
    await locker.newLock('a').lock(never, nothing);

    await locker.newLock('b').lock(never, nothing);
  });

  it('asks the holder to let go, and the next one too if more wait behind it', async () => {
    const locker = createQueueLocker();
    const [first, second, third] = [vi.fn(), vi.fn(), vi.fn()];
    const holder = locker.newLock('a');
    await holder.lock(never, first);
    expect(first).not.toHaveBeenCalled();
    const next = locker.newLock('a');
    const nextHolds = next.lock(never, second);
    const lastHolds = locker.newLock('a').lock(never, third);
    expect(first).toHaveBeenCalled();
    expect(second).not.toHaveBeenCalled();

    await holder.unlock();
    await nextHolds;
    expect(second).toHaveBeenCalled();
    await next.unlock();
    await lastHolds;

    expect(third).not.toHaveBeenCalled();
  });

  it('forgets who hung up while waiting', async () => {
    const locker = createQueueLocker();
    const holder = locker.newLock('a');
    await holder.lock(never, nothing);
    const hangUp = new AbortController();
    const gone = locker.newLock('a').lock(hangUp.signal, nothing);
    const last = locker.newLock('a');
    const lastHolds = last.lock(never, nothing);

    hangUp.abort();
    await expect(gone).rejects.toBe(ERRORS.ABORTED);
    await holder.unlock();
    await lastHolds;
    await last.unlock();

    await locker.idle();
  });

  it('gives up after its time, and leaves the line', async () => {
    const locker = createQueueLocker({ timeoutMs: 20 });
    const holder = locker.newLock('a');
    await holder.lock(never, nothing);

    await expect(locker.newLock('a').lock(never, nothing)).rejects.toBe(ERRORS.ERR_LOCK_TIMEOUT);

    await holder.unlock();
    await locker.newLock('a').lock(never, nothing);
  });

  it('waits without using the processor', async () => {
    const locker = createQueueLocker({ timeoutMs: 500 });
    await locker.newLock('a').lock(never, nothing);
    const spinning = vi.spyOn(globalThis, 'setImmediate');

    await expect(locker.newLock('a').lock(never, nothing)).rejects.toBe(ERRORS.ERR_LOCK_TIMEOUT);

    expect(spinning).not.toHaveBeenCalled();
    spinning.mockRestore();
  });
});
