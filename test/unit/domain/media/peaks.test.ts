import { expect, it } from 'vitest';
import { createPeakMeter } from '../../../../src/domain/media/peaks.ts';

/** So many samples of one loudness. */
function loud(value: number, count = 80): Buffer {
  const sample = Buffer.alloc(2);
  sample.writeInt16LE(value);
  return Buffer.alloc(count * 2, sample);
}

it('gives as many peaks as are asked for, the loudest 1', () => {
  const meter = createPeakMeter();
  for (const value of [100, -200, 400, 50]) meter.add(loud(value));

  expect(meter.samples()).toBe(320);
  expect(meter.peaks(4, 320)).toEqual([0.25, 0.5, 1, 0.125]);
  expect(meter.peaks(2, 320)).toEqual([0.5, 1]);
  expect(meter.peaks(8, 320)).toEqual([0.25, 0.25, 0.5, 0.5, 1, 1, 0.125, 0.125]);
});

it('hears samples that come in two pieces, and the loudest that there can be', () => {
  const whole = loud(-32_768);
  const meter = createPeakMeter();
  for (const byte of whole) meter.add(Buffer.from([byte]));
  meter.add(Buffer.alloc(0));
  meter.add(loud(16_384));

  expect(meter.samples()).toBe(160);
  expect(meter.peaks(2, 0)).toEqual([1, 0.5]);
});

it('is silent behind the end, and where nothing is heard', () => {
  const meter = createPeakMeter();
  meter.add(loud(500));
  expect(meter.peaks(4, 320)).toEqual([1, 0, 0, 0]);

  const silent = createPeakMeter();
  silent.add(loud(0));
  expect(silent.peaks(3, 0)).toEqual([0, 0, 0]);
});

it('keeps the peaks of long sound apart', () => {
  const meter = createPeakMeter();
  for (let minute = 0; minute < 60; minute += 1) meter.add(loud(minute + 1, 48_000));

  const peaks = meter.peaks(60, 0);
  expect(peaks).toHaveLength(60);
  expect(peaks.at(-1)).toBe(1);
  expect(peaks[29]).toBe(0.5);
});
