import { describe, expect, it } from 'vitest';
import { readZoomReference } from '../../../../src/outside/zoom/reference.ts';

const UUID = '/ajXp112Q+uoKj4854875==';
const once = encodeURIComponent(UUID);

describe('what a person calls a meeting', () => {
  it.each([
    ['a UUID', UUID, { kind: 'uuid', value: UUID }],
    ['a UUID encoded once', once, { kind: 'uuid', value: UUID }],
    ['a UUID encoded twice', encodeURIComponent(once), { kind: 'uuid', value: UUID }],
    ['a number with blanks', '855 1234 5678', { kind: 'number', value: '85512345678' }],
    [
      'a link to join',
      'https://us06web.zoom.us/j/85512345678?pwd=x',
      { kind: 'number', value: '85512345678' },
    ],
    [
      'the page of the portal',
      `https://zoom.us/recording/detail?meeting_id=${once}`,
      { kind: 'uuid', value: UUID },
    ],
    [
      'the page of the portal, not encoded',
      `https://zoom.us/recording/detail?meeting_id=${UUID}`,
      { kind: 'uuid', value: UUID },
    ],
    [
      'a link to share',
      'https://zoom.us/rec/share/abc.DEF?startTime=1',
      { kind: 'link', path: '/rec/share/abc.DEF' },
    ],
    ['a link to play', 'https://zoom.us/rec/play/abc/', { kind: 'link', path: '/rec/play/abc' }],
  ])('is read from %s', (_name, text, expected) => {
    expect(readZoomReference(text)).toEqual(expected);
  });

  it.each(['', 'https://example.com/', 'https://', 'a b c', 'short', 'x'.repeat(10).concat('!')])(
    'is nothing in "%s"',
    (text) => {
      expect(readZoomReference(text)).toBeUndefined();
    },
  );
});
