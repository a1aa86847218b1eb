import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
        ? await ledger.zoom.losses.recovered(removal)
        : await ledger.zoom.losses.removed(removal, how);
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

describe('what Zoom says of a file before the event that brings it', () => {
  const later = (eventAtMs = 100, fileId = 'file-1') => ({
    ...zoomRecording(`late ${fileId}`, eventAtMs, 'late'),
    groupKey: 'zoom:late',
    details: { recording_id: fileId },
  });
  const say = (how: How, atMs: number, fileIds: readonly string[] = []) => {
    const removal = { groupKey: 'zoom:late', fileIds, operator: 'host@example.org', atMs };
    return how === 'recovered'
      ? ledger.zoom.losses.recovered(removal)
      : ledger.zoom.losses.removed(removal, how);
  };
  const story = async (of: string) =>
    (await ledger.recordings.events(of)).map(({ type, data }) => ({ type, data }));

  it.each([
    ['all of the meeting', []],
    ['its file', ['file-0', 'file-1']],
  ])('ends as in the right order, said of %s', async (_name, fileIds) => {
    const inOrder = await ledger.recordings.accept({
      ...later(100, 'file-1'),
      naturalKey: 'in order',
      groupKey: 'zoom:u',
    });
    await ledger.zoom.losses.removed(
      { groupKey: 'zoom:u', fileIds, operator: 'host@example.org', atMs: 101 },
      'trashed',
    );
    await say('trashed', 101, fileIds);
    const { id: late } = await ledger.recordings.accept({ ...later(), notBeforeMs: Date.now() + 60_000 });

    const [right, wrong] = [await ledger.recordings.get(inOrder.id), await ledger.recordings.get(late)];
    expect(wrong).toMatchObject({ state: 'waiting', notBeforeMs: 0, origin: { removed: 'trashed' } });
    expect(wrong?.place).toBeLessThan(right?.place ?? 0);
    expect(await story(late)).toEqual(await story(inOrder.id));
  });

  it.each<[string, readonly [How, number, string[]?][], How | undefined]>([
    ['another file of it', [['deleted', 101, ['file-2']]], undefined],
    ['what was before that event', [['trashed', 99]], undefined],
    [
      'a recovery',
      [
        ['trashed', 101],
        ['recovered', 102, ['file-1']],
      ],
      undefined,
    ],
    [
      'a recovery that comes first',
      [
        ['recovered', 102],
        ['trashed', 101],
      ],
      undefined,
    ],
    [
      'a removal after a recovery',
      [
        ['recovered', 102],
        ['deleted', 103, ['file-1']],
      ],
      'deleted',
    ],
  ])('counts by its time and its files: %s', async (_name, said, last) => {
    for (const [how, atMs, fileIds] of said) await say(how, atMs, fileIds);

    const { id: late } = await ledger.recordings.accept(later());

    expect((await ledger.recordings.get(late))?.origin).toMatchObject({ eventAtMs: 100 });
    expect(Object.entries((await ledger.recordings.get(late))?.origin ?? {})).toEqual(
      last === undefined
        ? expect.not.arrayContaining([['removed', expect.anything()]])
        : expect.arrayContaining([['removed', last]]),
    );
  });

  it('stands when an older event brings the file once more', async () => {
    const { id: late } = await ledger.recordings.accept(later(100));
    await say('trashed', 300);

    await ledger.recordings.accept(later(200));

    expect((await ledger.recordings.get(late))?.origin).toMatchObject({
      eventAtMs: 200,
      removed: 'trashed',
    });
  });

  it('is kept for the newest of them only', async () => {
    const ids = (from: number) => Array.from({ length: 2500 }, (_, index) => `f${from + index}`);
    for (const from of [0, 2500, 5000]) await say('trashed', 101, ids(from));

    expect((await ledger.dump())['zoom_removals']).toHaveLength(5000);
    const { id: oldest } = await ledger.recordings.accept(later(100, 'f0'));
    const { id: newest } = await ledger.recordings.accept(later(100, 'f7499'));
    expect((await ledger.recordings.get(oldest))?.origin).not.toHaveProperty('removed');
    expect((await ledger.recordings.get(newest))?.origin).toMatchObject({ removed: 'trashed' });
  });
});
