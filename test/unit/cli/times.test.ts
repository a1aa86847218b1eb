import { describe, expect, it } from 'vitest';
import { parseDuration, parseTime } from '../../../src/cli/times.ts';

const NOW_MS = Date.parse('2026-11-21T10:00:00Z');

describe('a time as people write it', () => {
  it.each([
    ['2026-12-24T18:00Z', '2026-12-24T18:00:00Z'],
    ['2026-12-24 18:00:30+01:00', '2026-12-24T17:00:30Z'],
    ['2026-12-24T18:00:00.000+0100', '2026-12-24T17:00:00Z'],
    ['+2h', '2026-11-21T12:00:00Z'],
    ['+90s', '2026-11-21T10:01:30Z'],
  ])('%s is %s', (text, iso) => {
    expect(parseTime(text, NOW_MS)).toBe(Date.parse(iso));
  });

  it('without a zone is that of this machine', () => {
    expect(parseTime('2026-12-24 18:00', NOW_MS)).toBe(new Date(2026, 11, 24, 18).getTime());
    expect(parseTime('2026-12-24', NOW_MS)).toBe(new Date(2026, 11, 24).getTime());
  });

  it.each(['', 'soon', '2026-02-30', '2026-13-01', '2026-12-24T25:00', '24.12.2026', '+', '+2', '+2y', '1'])(
    '%j is none',
    (text) => {
      expect(parseTime(text, NOW_MS)).toBeUndefined();
    },
  );
});

describe('a length of time', () => {
  it('is read', () => {
    expect(['30m', '30min', '1.5h', '2d', '10 s'].map(parseDuration)).toEqual([
      1_800_000, 1_800_000, 5_400_000, 172_800_000, 10_000,
    ]);
    expect(['2', 'h', '-1h', '1w'].map(parseDuration)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
