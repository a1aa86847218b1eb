import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../src/domain/backoff.ts';

const R28 = { attempts: 8, minMs: 30_000, maxMs: 3_600_000 };
const noJitter = () => 0;
const mostJitter = () => 1 - Number.EPSILON;

describe('backoffMs', () => {
  it('doubles from the least to the most and ends after the last attempt', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((failed) => backoffMs(R28, failed, noJitter));

    expect(waits).toEqual([
      30_000,
      60_000,
      120_000,
      240_000,
      480_000,
      960_000,
      1_920_000,
      undefined,
      undefined,
    ]);
  });

  it('does not wait longer than the most', () => {
    expect(backoffMs({ ...R28, attempts: 100 }, 8, noJitter)).toBe(3_600_000);
    expect(backoffMs({ ...R28, attempts: Number.POSITIVE_INFINITY }, 5000, noJitter)).toBe(3_600_000);
  });

  it('takes off at most a quarter by chance', () => {
    expect(backoffMs(R28, 1, mostJitter)).toBe(22_500);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, chance) => {
        const fullMs = Math.min(R28.maxMs, R28.minMs * 2 ** (n - 1));
        const waitMs = backoffMs(R28, n, () => chance);

        expect(waitMs).toBeGreaterThanOrEqual(fullMs * 0.75);
        expect(waitMs).toBeLessThanOrEqual(fullMs);
      }),
    );
  });

  it('never waits where only one attempt is allowed', () => {
    expect(backoffMs({ ...R28, attempts: 1 }, 1, noJitter)).toBeUndefined();
  });
});
