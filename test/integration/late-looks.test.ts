import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordingId } from '../../src/domain/ids.ts';
import type { Lease } from '../../src/ledger/gate.ts';
import { fileRecording, openTestLedger, stepOf, type TestLedger } from '../support/ledger.ts';

const ID = recordingId('a');
const PLACE = { recordingId: ID, service: 'b2', place: 'custom/a.mp4' } as const;
const MADE = { service: 'b2', refs: ['4_z'] };
const HOUR_MS = 3_600_000;
const checkpoint = {
  contentId: 'x',
  fileName: PLACE.place,
  isRequested: true,
  fileId: null,
  partBytes: 5,
  failedFinishes: 0,
};
const fact = { bucket: 'b', fileId: '4_z', fileName: PLACE.place, sha1: null };
const error = { code: 'REMOTE_UNAVAILABLE', message: 'no' } as const;

let ledger: TestLedger;
let lease: Lease;

beforeEach(async () => {
  ledger = await openTestLedger({ leaseMs: 60_000 });
  await ledger.recordings.accept(fileRecording('a'));
  const taken = await ledger.gate.acquire({ recordingId: ID, holder: 'test', onLost: () => {} });
  if (taken === undefined) throw new Error('the gate is taken');
  lease = taken;
  await ledger.moves.startAttempt(ID, lease.fence);
  await ledger.moves.startStage(ID, 'archive', lease.fence, stepOf('archive'));
});

afterEach(async () => {
  await lease.release();
  await ledger.close();
});

const expectLate = () => ledger.moves.expectLate(PLACE, lease.fence);
const due = (nowMs = Date.now()) => ledger.lateLooks.due(nowMs, HOUR_MS, 10);

describe('what may come late', () => {
  it('is not looked for once its first request was answered', async () => {
    await expectLate();
    await ledger.moves.cameInTime(PLACE, lease.fence);
    await ledger.moves.finishStage(ID, 'archive', fact, lease.fence, MADE);

    expect(await due()).toEqual([]);
  });

  it('is looked for where it was asked for more than once, whichever request was answered', async () => {
    await expectLate();
    await expectLate();
    await ledger.moves.cameInTime(PLACE, lease.fence);
    await ledger.moves.finishStage(ID, 'archive', fact, lease.fence, MADE);

    expect(await due()).toEqual([{ ...PLACE, looks: 0 }]);
  });

  it.each<[string, boolean, () => Promise<unknown>]>([
    ['moves', false, async () => {}],
    ['is tried again later', false, () => ledger.moves.backOff(ID, error, 1, lease.fence)],
    ['has failed and could go on', false, () => ledger.moves.fail(ID, error, undefined, lease.fence)],
    [
      'has failed and keeps nothing',
      true,
      async () => {
        await ledger.moves.undoStage(ID, 'archive', 'why', lease.fence);
        await ledger.moves.fail(ID, error, undefined, lease.fence);
      },
    ],
    ['is archived', true, () => ledger.moves.finishStage(ID, 'archive', fact, lease.fence, MADE)],
    ['is cancelled', true, () => ledger.moves.withdrawn(ID, lease.fence)],
  ])('of a recording that %s is due: %s', async (_name, isDue, come) => {
    await expectLate();
    await ledger.moves.saveCheckpoint(ID, 'archive', checkpoint, lease.fence, { ...MADE, refs: [] });
    await come();

    expect(await due()).toHaveLength(isDue ? 1 : 0);
    expect(await ledger.lateLooks.isSettled(PLACE)).toBe(isDue);
  });

  it('is looked for by one worker at a time, and from the beginning once it is expected anew', async () => {
    await expectLate();
    await ledger.moves.withdrawn(ID, lease.fence);
    const [look] = await due();
    if (look === undefined) throw new Error('nothing is due');

    expect(await ledger.lateLooks.take(look, Date.now() + 1000)).toBe(true);
    expect(await ledger.lateLooks.take(look, Date.now() + 1000)).toBe(false);
    expect(await due()).toEqual([]);
    await expectLate();
    await ledger.lateLooks.end(look);

    expect(await due()).toEqual([{ ...PLACE, looks: 0 }]);
  });

  it('is not put off by a clock that is put back', async () => {
    await expectLate();
    await ledger.moves.withdrawn(ID, lease.fence);
    const [look] = await due();
    if (look === undefined) throw new Error('nothing is due');
    await ledger.lateLooks.take(look, Date.now() + HOUR_MS);

    expect(await due(Date.now() - 2 * HOUR_MS)).toHaveLength(1);
  });

  it('is told once', async () => {
    for (const fileId of ['1', '1', '2']) await ledger.lateLooks.tell(ID, 'archive.left', { fileId });

    const told = (await ledger.recordings.events(ID)).filter(({ type }) => type === 'archive.left');
    expect(told.map(({ data }) => data)).toEqual([{ fileId: '1' }, { fileId: '2' }]);
  });
});
