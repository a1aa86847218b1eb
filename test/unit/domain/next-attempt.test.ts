import { describe, expect, it } from 'vitest';
import { KnownError, type Retry } from '../../../src/domain/errors.ts';
import { askedMs, endlessPauseMs, nextAttempt } from '../../../src/domain/next-attempt.ts';

const failed = (retry: Retry) => new KnownError('no', { code: 'REMOTE_UNAVAILABLE', retry });

describe('what comes after a failed attempt', () => {
  it.each<[string, unknown, number | undefined, object]>([
    ['what cannot heal', failed('never'), 1000, { kind: 'none' }],
    ['the last attempt', failed('backoff'), undefined, { kind: 'none' }],
    ['the last attempt, asked to come later', failed({ afterMs: 5000 }), undefined, { kind: 'none' }],
    ['what may heal', failed('backoff'), 1000, { kind: 'again', afterMs: 1000 }],
    [
      'what asks for more than its own pause',
      failed({ afterMs: 5000 }),
      1000,
      { kind: 'again', afterMs: 5000 },
    ],
    [
      'what asks for less than its own pause',
      failed({ afterMs: 10 }),
      1000,
      { kind: 'again', afterMs: 1000 },
    ],
    ['a world that is not ready', failed({ waitMs: 7000 }), 1000, { kind: 'postponed', afterMs: 7000 }],
    [
      'a world that is not ready, after the last attempt',
      failed({ waitMs: 7000 }),
      undefined,
      { kind: 'postponed', afterMs: 7000 },
    ],
    ['what nobody has foreseen', new TypeError('no'), 1000, { kind: 'again', afterMs: 1000 }],
    ['what is not even an error', 'no', undefined, { kind: 'none' }],
  ])('%s', (_what, error, ownMs, next) => {
    expect(nextAttempt(error, ownMs)).toEqual(next);
  });

  it('says for how long an error asks to be left alone', () => {
    const errors = [
      failed({ afterMs: 5 }),
      failed({ waitMs: 7 }),
      failed('backoff'),
      failed('never'),
      new Error(),
    ];
    expect(errors.map(askedMs)).toEqual([5, 7, 0, 0, 0]);
  });

  it('never ends what is tried until it succeeds, and never waits longer than the most', () => {
    const pauses = { minMs: 100, maxMs: 60_000 };
    const ms = [1, 2, 3, 50, 5000].map((failures) => endlessPauseMs(pauses, failures, () => 0));
    expect(ms).toEqual([100, 200, 400, 60_000, 60_000]);
  });
});
