import { describe, expect, it } from 'vitest';
import type { CauseView } from '../../../web/dashboard/types.ts';
import { setVocabulary } from '../../../web/dashboard/vocabulary.ts';
import { causeAddress, eventWords, heldWords } from '../../../web/dashboard/words.ts';

setVocabulary({ sources: {}, services: { b2: 'Backblaze B2' }, stores: {}, publishers: {} });

describe('the words of the dashboard', () => {
  it('say for when something was scheduled', () => {
    const at = new Date(2026, 5, 1, 19, 21).toISOString();
    const event = { type: 'recording.scheduled', words: 'Scheduled by an operator' };

    expect(eventWords({ ...event, data: { not_before: at } })).toMatch(/^Scheduled by an operator for .*21/);
    expect(eventWords({ ...event, data: { not_before: null } })).toBe(
      'Scheduled by an operator: as soon as its turn comes',
    );
  });

  const cause: CauseView = {
    reason: 'trouble',
    code: 'SERVICE_DOWN',
    service: 'b2',
    title: 'A service fails everybody.',
    advice: null,
    retry_can_help: true,
    count: 4,
    next_at: null,
    last_at: null,
    recordings: [],
  };

  it.each([
    [{}, '4 wait for Backblaze B2', '/recordings?waits=something&code=SERVICE_DOWN&service=b2'],
    [{ service: null }, '4 wait to be tried again: A service fails everybody.', undefined],
    [{ code: 'WAITING_FOR_VIDEO', service: null, count: 1 }, '1 waits for its video', undefined],
    [{ reason: 'time', code: null, service: null }, '4 wait for their time', '/recordings?waits=time'],
    [
      { reason: 'set-aside', code: null, service: null, count: 1 },
      '1 is set aside',
      '/recordings?state=set-aside',
    ],
  ] as const)('tell what %j waits for, and lead to all of them', (change, words, address) => {
    expect(heldWords({ ...cause, ...change })).toBe(words);
    if (address !== undefined) expect(causeAddress({ ...cause, ...change })).toBe(address);
  });
});
