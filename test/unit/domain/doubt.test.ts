import { expect, it } from 'vitest';
import { anotherLook, type Doubt, isBelieved } from '../../../src/domain/doubt.ts';

const patience = { looks: 3, forMs: 1000 };

/** Whether a bad answer is believed that was given at these times. */
function believes(...timesMs: number[]): boolean {
  let doubt: Doubt | undefined;
  for (const atMs of timesMs) doubt = anotherLook(doubt, atMs);
  return doubt !== undefined && isBelieved(doubt, patience, timesMs.at(-1) ?? 0);
}

it.each([
  ['once', [0], false],
  ['often within a moment', [0, 1, 2, 3, 4], false],
  ['twice with a long time between', [0, 5000], false],
  ['three times over the time', [0, 500, 1000], true],
  ['while the clock was put back', [50_000, 10, 20], false],
  ['for long enough after the clock was put back', [50_000, 10, 1010], true],
])('a bad answer that is given %s', (_name, timesMs, isBad) => {
  expect(believes(...timesMs)).toBe(isBad);
});
