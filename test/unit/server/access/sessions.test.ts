import { describe, expect, it } from 'vitest';
import { ADMIN } from '../../../../src/domain/access.ts';
import { createSessions, SESSION_MS } from '../../../../src/server/access/sessions.ts';

describe('a session', () => {
  it('is valid until it is ended', () => {
    const sessions = createSessions();
    const [mine, other] = [sessions.begin(ADMIN), sessions.begin(ADMIN)];

    sessions.end(mine);

    expect([sessions.holderOf(mine) !== undefined, sessions.holderOf(other) !== undefined]).toEqual([
      false,
      true,
    ]);
  });

  it('ends by itself', () => {
    let nowMs = 0;
    const sessions = createSessions({ now: () => nowMs });
    const token = sessions.begin(ADMIN);

    nowMs = SESSION_MS - 1;
    const before = sessions.holderOf(token) !== undefined;
    nowMs = SESSION_MS;

    expect([before, sessions.holderOf(token) !== undefined]).toEqual([true, false]);
  });

  it('has a token that nobody can guess', () => {
    const sessions = createSessions();
    const tokens = Array.from({ length: 100 }, () => sessions.begin(ADMIN));

    expect(new Set(tokens).size).toBe(100);
    for (const token of tokens) expect(token).toMatch(/^[\w-]{43}$/);
    for (const guess of ['', 'x', `${tokens[0]}x`])
      expect(sessions.holderOf(guess) !== undefined).toBe(false);
  });

  it('gives way to newer ones when there are very many', () => {
    const sessions = createSessions();
    const tokens = Array.from({ length: 1001 }, () => sessions.begin(ADMIN));

    expect(tokens.filter((token) => sessions.holderOf(token) === ADMIN)).toEqual(tokens.slice(1));
  });
});
