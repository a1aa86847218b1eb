import { expect, it } from 'vitest';
import { createWatch } from '../../../src/desk/watching.ts';
import type { Leg } from '../../../src/domain/progress.ts';
import type { Recording, State } from '../../../src/domain/recording.ts';

const leg = (doneBytes: number, totalBytes: number): Leg => ({
  doneBytes,
  totalBytes,
  bytesPerS: 1,
  leftS: undefined,
  idleS: 0,
});

/** What is told of a recording in this state, whose steps have come so far. */
function stand(state: State, legs: Record<string, Leg> | undefined) {
  const steps = [
    { id: 'archive', lane: 'upload' },
    { id: 'film', lane: 'media' },
  ];
  const recording = { id: 'rec_1', title: 'Algebra', state } as Recording;
  const watch = createWatch({
    ledger: {
      recordings: { get: async () => recording, progress: async () => ({ facts: {}, checkpoints: {} }) },
    } as never,
    book: { planOf: async () => ({ steps }) } as never,
    progress: { legsOf: () => legs },
    outputPlaces: new Map(),
  });
  return watch.standing('rec_1');
}

it('says how far the encoding is, and nothing of how much is sent to the archive', async () => {
  const legs = { archive: leg(9, 10), film: leg(43, 100) };

  expect(await stand('moving', legs)).toMatchObject({ state: 'preparing', percent: 43 });
  expect(await stand('moving', { archive: leg(9, 10) })).toMatchObject({ percent: undefined });
  // It is all encoded, and not there yet.
  expect(await stand('moving', { film: leg(100, 100) })).toMatchObject({ percent: 99 });
});

it.each([
  ['waiting', 'preparing'],
  ['backing-off', 'preparing'],
  ['failed', 'failed'],
  ['set-aside', 'failed'],
  ['done', 'absent'],
  ['deleted', 'gone'],
  ['cancelling', 'gone'],
] as const)('a recording that is %s and has no package is %s to viewers', async (state, told) => {
  expect(await stand(state, undefined)).toMatchObject({ state: told, percent: undefined });
});
