import { describe, expect, it } from 'vitest';
import { MAX_PARTS, partBytesFor } from '../../../src/tasks/support/archive-parts.ts';

const MB = 1_000_000;
const TB = 1_000_000 * MB;
const usual = { wantedBytes: 100 * MB, minBytes: 5 * MB, parallelParts: 3 };

describe('the parts of a file', () => {
  it.each([
    ['nothing', 0, 1],
    ['one byte', 1, 1],
    ['10 MB', 10 * MB, 1],
    ['a byte more than 10 MB', 10 * MB + 1, 3],
    ['40 MB', 40 * MB, 3],
    ['150 MB', 150 * MB, 3],
    ['300 MB', 300 * MB, 3],
    ['4 GB', 4000 * MB, 40],
    ['500 GB', 500_000 * MB, 5000],
    ['1 TB', TB, 5000],
    ['10 TB, the most that B2 takes', 10 * TB, 5000],
  ])('of %s are few', (_name, totalBytes, count) => {
    const partBytes = partBytesFor({ ...usual, totalBytes });

    expect(Math.max(1, Math.ceil(totalBytes / (partBytes || 1)))).toBeLessThanOrEqual(count);
    expect(partBytes).toBeLessThanOrEqual(5000 * MB);
  });

  it.each([
    ['the smallest that may be set', 5 * MB, 3],
    ['what B2 recommends', 100 * MB, 3],
    ['more than any file has', 5000 * MB, 20],
    ['one at a time', 100 * MB, 1],
  ])('are as B2 wants them with %s', (_name, wantedBytes, parallelParts) => {
    for (let totalBytes = 1; totalBytes < 10 * TB; totalBytes = Math.ceil(totalBytes * 1.7)) {
      const partBytes = partBytesFor({ totalBytes, wantedBytes, minBytes: 5 * MB, parallelParts });
      const count = Math.ceil(totalBytes / partBytes);

      expect(count).toBeLessThanOrEqual(MAX_PARTS);
      if (totalBytes > 10 * MB) expect(count).toBeGreaterThan(1);
      if (count > 1) expect(partBytes).toBeGreaterThanOrEqual(5 * MB);
      if (totalBytes <= 5 * MB) expect(count).toBe(1);
    }
  });

  it('would be 10,001 with the size that is set, so they are larger', () => {
    const totalBytes = 10_000 * 5 * MB + 1;

    const partBytes = partBytesFor({ ...usual, wantedBytes: 5 * MB, totalBytes });

    expect(Math.ceil(totalBytes / partBytes)).toBeLessThanOrEqual(5000);
  });
});
