import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CauseView } from '../../../web/dashboard/types.ts';
import { causeAddress, eventWords, heldWords } from '../../../web/dashboard/words.ts';

/** Every event that the ledger can record, as its types declare them. */
function eventTypes(): string[] {
  return ['src/ledger/events.ts', 'src/outside/zoom/tables/tables.ts'].flatMap((file) => {
    const [, names = ''] = /interface EventNames \{([^}]+)\}/.exec(readFileSync(file, 'utf8')) ?? [];
    return [...names.matchAll(/'([a-z.-]+)': true/g)].map(([, type = '']) => type);
  });
}

describe('the words of the dashboard', () => {
  it('are there for every event that the ledger can record', () => {
    const types = eventTypes();
    expect(types.length).toBeGreaterThan(25);
    expect(types.filter((type) => eventWords(type, {}) === type)).toEqual([]);
  });

  it('say for when something was scheduled', () => {
    const at = new Date(2026, 5, 1, 19, 21).toISOString();
    expect(eventWords('recording.scheduled', { not_before: at })).toMatch(
      /^Scheduled by an operator for .*21/,
    );
    expect(eventWords('recording.scheduled', { not_before: null })).toBe(
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
