import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileRecording, openTestLedger, type TestLedger, zoomRecording } from '../support/ledger.ts';

let ledger: TestLedger;
let id: string;

beforeEach(async () => {
  ledger = await openTestLedger();
  await ledger.recordings.accept(fileRecording('other'));
  ({ id } = await ledger.recordings.accept({ ...zoomRecording('key', 100, 'a'), groupKey: 'zoom:u' }));
});
afterEach(() => ledger.close());

type How = 'trashed' | 'deleted' | 'recovered';

/** Tells of what was done to the meeting, in this order: what, and when by Zoom's time. */
async function tell(...told: readonly (readonly [How, number])[]): Promise<number[]> {
  const affected: number[] = [];
  for (const [how, atMs] of told) {
    const removal = { groupKey: 'zoom:u', fileIds: [], operator: null, atMs };
    const ids =
      how === 'recovered'
        ? await ledger.zoomLosses.recovered(removal)
        : await ledger.zoomLosses.removed(removal, how);
    affected.push(ids.length);
  }
  return affected;
}

const removed = async () => {
  const origin = (await ledger.recordings.get(id))?.origin;
  return origin?.kind === 'zoom' ? origin.removed : 'no origin';
};

it.each<[string, readonly (readonly [How, number])[], How | undefined]>([
  [
    'in their order',
    [
      ['trashed', 200],
      ['recovered', 300],
    ],
    undefined,
  ],
  [
    'in the other order',
    [
      ['recovered', 300],
      ['trashed', 200],
    ],
    undefined,
  ],
  [
    'once more, late',
    [
      ['trashed', 200],
      ['recovered', 300],
      ['trashed', 200],
    ],
    undefined,
  ],
  [
    'with a recovery that comes late',
    [
      ['trashed', 200],
      ['deleted', 400],
      ['recovered', 300],
    ],
    'deleted',
  ],
  [
    'with a replay of a recovery',
    [
      ['trashed', 200],
      ['recovered', 300],
      ['trashed', 400],
      ['recovered', 300],
    ],
    'trashed',
  ],
  ['of before it was announced', [['trashed', 50]], undefined],
])('the last word by Zoom about a file counts, when events come %s', async (_name, told, last) => {
  await tell(...told);

  expect(await removed()).toBe(last);
});

it('what is told again moves nothing', async () => {
  expect(await tell(['trashed', 200], ['trashed', 200], ['trashed', 200])).toEqual([1, 0, 0]);

  const types = (await ledger.recordings.events(id)).map(({ type }) => type);
  expect(types).toEqual(['recording.accepted', 'zoom.trashed']);
});
