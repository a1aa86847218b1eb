import { expect, it } from 'vitest';
import { changesBy } from '../../../src/errands/alarm-conditions.ts';
import type { Recordings } from '../../../src/ledger/recordings.ts';

const recordings = { get: async () => ({ id: 'rec_1', title: 'Algebra' }) } as unknown as Recordings;

const postponed = (code: string) =>
  changesBy(
    { seq: 1, recordingId: 'rec_1', atMs: 0, type: 'attempt.postponed', data: { code, message: 'it waits' } },
    recordings,
  );

it.each([
  'CHECKPOINT_UNREADABLE',
  'STORE_MISSING',
  'TASK_MISSING',
  'PUBLISHER_MISSING',
  'OUTPUT_PLACE_MISSING',
])('tells of a recording that waits for somebody (%s)', async (code) => {
  expect(await postponed(code)).toMatchObject([{ raise: { key: 'held:rec_1', recordingId: 'rec_1' } }]);
});

it.each(['SERVICE_DOWN', 'DISK_FULL'])('tells nothing of one that goes on by itself (%s)', async (code) => {
  expect(await postponed(code)).toEqual([]);
});
