import { describe, expect, it } from 'vitest';
import { createRate } from '../../../../src/server/access/rate.ts';

function startRate(options: { burst: number; perSecond: number }) {
  const clock = { nowMs: 1_000_000 };
  return { clock, rate: createRate({ ...options, now: () => clock.nowMs }) };
}

describe('a rate', () => {
  it('lets a burst pass, and then says how long to wait', () => {
    const { rate } = startRate({ burst: 3, perSecond: 2 });

    expect([rate.take('a'), rate.take('a'), rate.take('a'), rate.take('a')]).toEqual([0, 0, 0, 500]);
  });

  it('lets one more pass after that time, and does not count what it refused', () => {
    const { rate, clock } = startRate({ burst: 1, perSecond: 2 });
    rate.take('a');
    for (let n = 0; n < 10; n += 1) rate.take('a');

    clock.nowMs += 500;

    expect([rate.take('a'), rate.take('a')]).toEqual([0, 500]);
  });

  it('fills up to the burst and no further', () => {
    const { rate, clock } = startRate({ burst: 2, perSecond: 100 });
    rate.take('a');

    clock.nowMs += 3_600_000;

    expect([rate.take('a'), rate.take('a'), rate.take('a')]).toEqual([0, 0, 10]);
  });

  it('counts each caller by itself, and only what is taken', () => {
    const { rate } = startRate({ burst: 1, perSecond: 1 });
    rate.take('a');

    expect([rate.waitMs('a'), rate.waitMs('b'), rate.waitMs('b'), rate.take('b')]).toEqual([1000, 0, 0, 0]);
  });

  it('is not undone by a clock that is put back', () => {
    const { rate, clock } = startRate({ burst: 1, perSecond: 1 });
    rate.take('a');

    clock.nowMs -= 60_000;

    expect(rate.take('a')).toBe(1000);
  });

  it('remembers the callers of late, however many there were', () => {
    const { rate } = startRate({ burst: 1, perSecond: 0.001 });
    for (let n = 0; n < 20_000; n += 1) {
      rate.take(`caller ${n}`);
      rate.take('busy');
    }

    expect(rate.take('busy')).toBeGreaterThan(0);
    expect(rate.take('caller 19999')).toBeGreaterThan(0);
    expect(rate.take('caller 0')).toBe(0);
  });
});
