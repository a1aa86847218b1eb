import { describe, expect, it } from 'vitest';
import { momentIn, readMoment, vttTime } from '../../../../src/domain/media/time.ts';

describe('a moment', () => {
  it.each([
    ['0', 0],
    ['55', 55],
    ['0.2', 0.2],
    ['200ms', 0.2],
    ['200000us', 0.2],
    ['7.5s', 7.5],
    ['00:00:14.435', 14.435],
    ['02:05', 125],
    ['100:00:00', 360_000],
    ['1:2:3', 3723],
  ])('%s is %d s from the beginning', (text, s) => {
    expect(readMoment(text)).toEqual({ s });
  });

  it.each([
    ['50%', 0.5],
    ['0%', 0],
    ['100%', 1],
    ['12.5%', 0.125],
  ])('%s is a share of the length', (text, share) => {
    expect(readMoment(text)).toEqual({ share });
  });

  it.each(['', '-1', '1:60', '00:75:00', '5m', '5 s', '.5', '5.', '101%', '%', 'now', '1e3', '1:2:3:4', '٣'])(
    'is not named by "%s"',
    (text) => {
      expect(readMoment(text)).toBeUndefined();
    },
  );

  it('that is a share is where its film is so far', () => {
    expect(momentIn({ share: 0.25 }, 80)).toBe(20);
    expect(momentIn({ s: 90 }, 80)).toBe(90);
  });
});

it.each([
  [0, '00:00:00.000'],
  [5.0004, '00:00:05.000'],
  [59.9996, '00:01:00.000'],
  [3723.25, '01:02:03.250'],
  [360_000, '100:00:00.000'],
])('%d s are %s in WebVTT', (seconds, text) => {
  expect(vttTime(seconds)).toBe(text);
});
