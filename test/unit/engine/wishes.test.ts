import { expect, it, vi } from 'vitest';
import { createWishes } from '../../../src/engine/wishes.ts';

it('what is wanted of a recording is looked for by itself where no bell rings, until that is ended', () => {
  vi.useFakeTimers();
  const listen = vi.fn(() => () => {});
  const look = vi.fn();
  const end = createWishes({ bell: { listen } }).watch('rec_1', look);
  try {
    vi.advanceTimersByTime(2000);
    expect(look).toHaveBeenCalledTimes(4);
    end();
    vi.advanceTimersByTime(2000);
    expect(look).toHaveBeenCalledTimes(4);
  } finally {
    vi.useRealTimers();
  }
});
