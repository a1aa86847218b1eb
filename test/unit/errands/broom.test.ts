import { expect, it } from 'vitest';
import { type Recording, STATES } from '../../../src/domain/recording.ts';
import { isLive } from '../../../src/errands/broom.ts';

it('keeps what belongs to recordings that go on, or that an operator may let go on', () => {
  const terms = { afterMs: 1, failedKeepMs: 1000, now: () => 5000 };
  const live = STATES.filter((state) => isLive({ state, endedAtMs: 4500 } as Recording, terms));
  expect(live).toEqual(['waiting', 'moving', 'backing-off', 'set-aside', 'cancelling', 'deleting', 'failed']);
});
