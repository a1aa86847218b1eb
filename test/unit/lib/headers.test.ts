import { describe, expect, it } from 'vitest';
import { contentRange, lengthFrom, retryAfterMs } from '../../../src/lib/headers.ts';

const NOW_MS = Date.parse('2026-01-05T10:00:00Z');

describe('retryAfterMs', () => {
  it.each([
    ['seconds', '120', 120_000],
    ['no seconds', '0', 0],
    ['seconds with spaces', ' 5 ', 5000],
    ['an HTTP date', 'Mon, 05 Jan 2026 10:01:30 GMT', 90_000],
    ['an HTTP date that has passed', 'Mon, 05 Jan 2026 09:00:00 GMT', 0],
    ['an ISO 8601 time, as Zoom writes its daily limit', '2026-01-06T00:00:00Z', 14 * 3_600_000],
    ['nothing', undefined, undefined],
    ['an empty value', '', undefined],
    ['a word', 'soon', undefined],
    ['a negative number', '-5', undefined],
    ['a fraction', '1.5', undefined],
  ])('reads %s', (_name, value, expected) => {
    expect(retryAfterMs(value, NOW_MS)).toBe(expected);
  });
});

describe('lengthFrom', () => {
  it.each([
    ['0', 0],
    ['4294967296', 4_294_967_296],
    [' 7 ', 7],
    [undefined, undefined],
    ['', undefined],
    ['-1', undefined],
    ['1.0', undefined],
    ['0x10', undefined],
    ['1, 1', undefined],
    ['9999999999999999', undefined],
  ])('reads %j as %j', (value, expected) => {
    expect(lengthFrom(value)).toBe(expected);
  });
});

describe('contentRange', () => {
  it.each([
    ['bytes 5-9/10', { start: 5, end: 10, total: 10 }],
    ['bytes 0-0/*', { start: 0, end: 1, total: undefined }],
    ['bytes */10', { start: undefined, end: undefined, total: 10 }],
    [' bytes 5-9/10 ', { start: 5, end: 10, total: 10 }],
    ['bytes 5-/10', undefined],
    ['items 5-9/10', undefined],
    ['bytes=5-9/10', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('reads %j', (value, expected) => {
    expect(contentRange(value)).toEqual(expected);
  });
});
