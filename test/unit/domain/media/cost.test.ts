import { describe, expect, it } from 'vitest';
import { type CostSharer, shareOut } from '../../../../src/domain/media/cost.ts';

const film = (widthPx: number, heightPx: number, isCopied = false): CostSharer => ({
  kind: 'video',
  isCopied,
  widthPx,
  heightPx,
});
const sound = (isCopied = false): CostSharer => ({ kind: 'audio', isCopied });

const FIVE = [film(1280, 720), film(854, 480), film(640, 360), film(426, 240), film(256, 144), sound()];

describe('what a run of ffmpeg has cost, shared out among what it has made', () => {
  it('is as it was measured of each alone, within three hundredths of the whole', () => {
    const measured = [0.47, 0.25, 0.13, 0.08, 0.05, 0.02];
    for (const [at, share] of shareOut(1, FIVE).entries()) {
      expect(Math.abs(share - (measured[at] ?? 0)), `the ${at + 1}th`).toBeLessThan(0.03);
    }
  });

  it.each([0, 0.001, 0.007, 38.613, 4321.999])('adds up to the whole, of %d s', (cpuS) => {
    const shares = shareOut(cpuS, FIVE);
    expect(shares.reduce((sum, share) => sum + Math.round(1000 * share), 0)).toBe(Math.round(1000 * cpuS));
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
  });

  it('is next to nothing for what is copied beside what is encoded, and all of it where nothing is encoded', () => {
    const [copied = 1] = shareOut(10, [film(1280, 720, true), film(854, 480), film(426, 240), sound(true)]);
    expect(copied).toBeLessThan(0.1);
    expect(shareOut(0.2, [film(1280, 720, true), sound(true)])).toEqual([0.1, 0.1]);
    expect(shareOut(3, [sound()])).toEqual([3]);
  });
});
