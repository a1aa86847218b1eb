import { expect, it } from 'vitest';
import { changesBy } from '../../../src/errands/alarm-conditions.ts';
import type { EventType } from '../../../src/ledger/events.ts';
import type { Recordings } from '../../../src/ledger/recordings.ts';

const recordingsWith = (naturalKey: string) =>
  ({ get: async () => ({ id: 'rec_1', title: 'Algebra', naturalKey }) }) as unknown as Recordings;

const recordings = recordingsWith('run:1');

const happens = (type: EventType, data: object) =>
  changesBy({ seq: 1, recordingId: 'rec_1', atMs: 0, type, data: { ...data } }, recordings);

const postponed = (code: string) => happens('attempt.postponed', { code, message: 'it waits' });

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

it('tells once of an output that could not be made', async () => {
  const failed = { stage: 'package', code: 'MEDIA_BROKEN', message: 'it ends too early' };
  const told = { recordingId: 'rec_1', title: expect.stringContaining('package'), isNotice: true };

  expect(await happens('output.failed', failed)).toMatchObject([{ raise: told }]);
});

it('tells nothing of a poster of what has no pictures', async () => {
  expect(await happens('output.failed', { stage: 'poster', code: 'STREAM_MISSING' })).toEqual([]);
});

it('tells of nothing that only lies below MEDIA_IN, whatever is in it', async () => {
  const failed = {
    ...{ seq: 1, recordingId: 'rec_1', atMs: 0, type: 'recording.failed' as const },
    data: { code: 'NOT_MEDIA', message: '' },
  };
  expect(await changesBy(failed, recordingsWith('asset:"notes.mp4"'))).toEqual([]);
  expect(await changesBy(failed, recordings)).toHaveLength(2);
});
