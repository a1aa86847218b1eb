import { expect, it } from 'vitest';
import { byteSize } from '../../../src/lib/byte-size.ts';
import { durationText } from '../../../src/lib/duration-text.ts';

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [999_499, '999 kB'],
  [999_500, '1 MB'],
  [2_540_000_000, '2.5 GB'],
  [99_940_000, '99.9 MB'],
  [140_400_000, '140 MB'],
  [5e15, '5,000 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(byteSize(bytes)).toBe(text);
});

it('sizes and spans are written as the reader does', () => {
  expect(byteSize(2_500_000, 'de')).toBe('2,5 MB');
  expect(durationText(300, 'de')).toBe('0,3 s');
});

it.each([
  [0, '0 s'],
  [300, '0.3 s'],
  [4000, '4 s'],
  [125_000, '2 min 5 s'],
  [720_000, '12 min'],
  [12_000_000, '3 h 20 min'],
  [7_200_000, '2 h'],
  [432_000_000, '5 d'],
  [180_000_000, '2 d 2 h'],
])('%d ms are %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
