import { describe, expect, it } from 'vitest';
import { encodeMeetingUuid } from '../../../../src/outside/zoom/client.ts';

describe('a meeting UUID in a path', () => {
  it.each([
    ['4444AAAiAAAAAiAiAiiAii==', '4444AAAiAAAAAiAiAiiAii%3D%3D'],
    ['ab/cd+ef==', 'ab%2Fcd%2Bef%3D%3D'],
  ])('is encoded once: %s', (uuid, encoded) => {
    expect(encodeMeetingUuid(uuid)).toBe(encoded);
  });

  it.each([
    ['/ajXp112QmuoKj4854875==', '%252FajXp112QmuoKj4854875%253D%253D'],
    ['ab//cd==', 'ab%252F%252Fcd%253D%253D'],
  ])('is encoded twice where it begins with a slash or has two in a row (C29): %s', (uuid, encoded) => {
    expect(encodeMeetingUuid(uuid)).toBe(encoded);
  });
});
