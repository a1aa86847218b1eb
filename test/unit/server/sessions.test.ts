import { describe, expect, it } from 'vitest';
import { createSessions, SESSION_MS } from '../../../src/server/sessions.ts';

describe('a session', () => {
  it('is valid until it is ended', () => {
    const sessions = createSessions();
    const [mine, other] = [sessions.begin(), sessions.begin()];

    sessions.end(mine);

    expect([sessions.isValid(mine), sessions.isValid(other)]).toEqual([false, true]);
  });

  it('ends by itself', () => {
    let nowMs = 0;
    const sessions = createSessions({ now: () => nowMs });
    const token = sessions.begin();

    nowMs = SESSION_MS - 1;
    const before = sessions.isValid(token);
    nowMs = SESSION_MS;

    expect([before, sessions.isValid(token)]).toEqual([true, false]);
  });

  it('has a token that nobody can guess', () => {
    const sessions = createSessions();
    const tokens = Array.from({ length: 100 }, () => sessions.begin());

    expect(new Set(tokens).size).toBe(100);
    for (const token of tokens) expect(token).toMatch(/^[\w-]{43}$/);
    for (const guess of ['', 'x', `${tokens[0]}x`]) expect(sessions.isValid(guess)).toBe(false);
  });

  it('gives way to newer ones when there are very many', () => {
    const sessions = createSessions();
    const tokens = Array.from({ length: 1001 }, () => sessions.begin());

    expect(tokens.filter(sessions.isValid)).toEqual(tokens.slice(1));
  });
});
