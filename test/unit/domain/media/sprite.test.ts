import { expect, it } from 'vitest';
import { pictureCount, sheetCount, spriteVtt } from '../../../../src/domain/media/sprite.ts';

const LAYOUT = { columns: 2, rows: 2, widthPx: 160, heightPx: 90, intervalS: 5 };

it.each([
  [0.5, 1],
  [5, 1],
  [5.01, 1],
  [5.2, 2],
  [24, 5],
])('a film of %d s has %d pictures, one each 5 s', (durationS, count) => {
  expect(pictureCount(durationS, 5)).toBe(count);
});

it('names for each time the part of a sheet that shows it', () => {
  expect(sheetCount(5, LAYOUT)).toBe(2);
  expect(spriteVtt(LAYOUT, { durationS: 22.5, sheetName: (index) => `sheet-${index}.jpg` })).toBe(`WEBVTT

00:00:00.000 --> 00:00:05.000
sheet-0.jpg#xywh=0,0,160,90

00:00:05.000 --> 00:00:10.000
sheet-0.jpg#xywh=160,0,160,90

00:00:10.000 --> 00:00:15.000
sheet-0.jpg#xywh=0,90,160,90

00:00:15.000 --> 00:00:20.000
sheet-0.jpg#xywh=160,90,160,90

00:00:20.000 --> 00:00:22.500
sheet-1.jpg#xywh=0,0,160,90
`);
});
