import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { recordingId } from '../../src/domain/ids.ts';
import type { NewRecording } from '../../src/domain/recording.ts';
import type { Lease } from '../../src/ledger/gate.ts';
import { openWholeLedger, type WholeLedger } from '../../src/outside/whole-ledger.ts';
import { fileRecording, openTestLedger, stepOf, type TestLedger } from '../support/ledger.ts';

const LEASE_MS = 200;
const ID = recordingId('a');
const error = { code: 'REMOTE_UNAVAILABLE', message: 'no' } as const;
const announcement = { recordingId: ID, type: 'recording.failed', body: '{}' };
const LATE = { recordingId: ID, service: 'b2', place: 'a.mp4' } as const;
const fact = { path: '/x', bytes: 5, contentId: 'x', mediaType: 'video/mp4', extension: 'mp4' };

let ledger: TestLedger;
/** A way that begins in the lane `look`. */
const LOOKED_INTO = {
  recipe: 'looked-into',
  version: 1,
  steps: [{ id: 'look', task: 'probe', lane: 'look', params: {}, takes: [], after: [], isFinal: false }],
};

/** The same ledger as another process would have it open. */
let other: WholeLedger;
let leases: Lease[];

beforeEach(async () => {
  ledger = await openTestLedger({ leaseMs: LEASE_MS });
  other = await openWholeLedger({ address: ledger.address, leaseMs: LEASE_MS });
  leases = [];
  await ledger.recordings.accept(fileRecording('a'));
});

afterEach(async () => {
  for (const lease of leases) await lease.release();
  await other.close();
  await ledger.close();
});

async function acquire(from: WholeLedger, onLost: () => void = () => {}): Promise<Lease | undefined> {
  const lease = await from.gate.acquire({ recordingId: ID, holder: 'test', onLost });
  if (lease !== undefined) leases.push(lease);
  return lease;
}

/** A lease whose worker has fallen silent, and which somebody else then took. */
async function takenOver(onLost: () => void = () => {}) {
  const stale = await acquire(ledger, onLost);
  // Written by hand, because the holder is in this process, and lives.
  await ledger.base.db.updateTable('gate').set({ expires_at_ms: 0 }).execute();
  const current = await acquire(other);
  if (stale === undefined || current === undefined) throw new Error('the gate could not be taken');
  return { stale, current };
}

describe('the gate', () => {
  it('has one holder at a time', async () => {
    const first = await acquire(ledger);

    expect(first).toMatchObject({ fence: 1 });
    expect(await acquire(other)).toBeUndefined();
    expect(await acquire(ledger)).toBeUndefined();
  });

  it('is free again once it is released, under a higher fence', async () => {
    const first = await acquire(ledger);
    await first?.release();

    expect(await other.gate.expiresAtMs()).toBe(0);
    expect(await acquire(other)).toMatchObject({ fence: 2 });
  });

  it('stays with a holder that shows signs of life', async () => {
    await acquire(ledger);
    const firstEndMs = await ledger.gate.expiresAtMs();

    await vi.waitFor(async () => {
      expect(await acquire(other)).toBeUndefined();
      expect(await ledger.gate.expiresAtMs()).toBeGreaterThan(firstEndMs + LEASE_MS);
    });
  });

  it('goes to another when its holder falls silent, who hears of it', async () => {
    const onLost = vi.fn();

    const { stale, current } = await takenOver(onLost);

    expect(current.fence).toBe(stale.fence + 1);
    await vi.waitFor(() => expect(onLost).toHaveBeenCalledTimes(1));
    await expect(stale.check()).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await expect(current.check()).resolves.toBeUndefined();
    expect(onLost).toHaveBeenCalledTimes(1);
  });

  it('is not let go by a holder that has lost it', async () => {
    const { stale } = await takenOver();

    await stale.release();

    expect(await acquire(ledger)).toBeUndefined();
  });

  it('says to whoever checks a lease that somebody else has it, at once', async () => {
    const { stale } = await takenOver();

    await expect(stale.check()).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });

  it('renews a lease that is checked later than it was to be renewed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const lease = await acquire(ledger).finally(() => vi.useRealTimers());
    const firstEndMs = await ledger.gate.expiresAtMs();

    await vi.waitFor(async () => {
      await lease?.check();
      expect(await ledger.gate.expiresAtMs()).toBeGreaterThan(firstEndMs);
    });
  });

  it('leaves the ledger as it is when a lease is checked that was renewed a moment ago', async () => {
    const quiet = await openTestLedger({ leaseMs: 600_000 });
    const lease = await quiet.gate.acquire({ recordingId: ID, holder: 'test', onLost: () => {} });
    const endMs = await quiet.gate.expiresAtMs();

    await lease?.check();

    expect(await quiet.gate.expiresAtMs()).toBe(endMs);
    await lease?.release();
    await quiet.close();
  });
});

describe('a lane of several slots', () => {
  const OTHER_ID = recordingId('b');

  beforeEach(async () => {
    await other.close();
    await ledger.close();
    // No lease runs out by itself, however slow the machine is.
    ledger = await openTestLedger({ leaseMs: 600_000 });
    other = await openWholeLedger({ address: ledger.address, leaseMs: 600_000 });
    await ledger.recordings.accept(fileRecording('a'));
  });

  async function acquireIn(
    from: WholeLedger,
    id: string,
    { lane = 'look', slots = 3, onLost = () => {} } = {},
  ): Promise<Lease | undefined> {
    const lease = await from.gate.acquire({ recordingId: id, holder: 'test', onLost, lane, slots });
    if (lease !== undefined) leases.push(lease);
    return lease;
  }

  it('has one recording in one slot alone, and in one lane', async () => {
    const first = await acquireIn(ledger, ID);

    expect(await acquireIn(other, ID)).toBeUndefined();
    expect(await acquireIn(ledger, ID)).toBeUndefined();
    expect(await acquireIn(other, ID, { lane: 'media', slots: 1 })).toBeUndefined();
    expect(await acquireIn(other, OTHER_ID)).toBeDefined();
    await first?.release();
    expect(await acquireIn(other, ID)).toBeDefined();
  });

  it('gives it to one of many that ask at once', async () => {
    const taken = await Promise.all([ledger, other, ledger, other].map((from) => acquireIn(from, ID)));

    expect(taken.filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  it('ends the lease of a holder that fell silent, though another slot was taken', async () => {
    const onLost = vi.fn();
    const stale = await acquireIn(ledger, ID, { onLost });
    // Written by hand, because the holder is in this process, and lives; another recording has its slot next.
    await ledger.base.db.updateTable('gate').set({ expires_at_ms: 0 }).execute();
    const current = await acquireIn(other, ID, { lane: 'media', slots: 1 });

    await expect(stale?.check()).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await expect(ledger.moves.note(ID, 'captions.skipped', {}, stale?.fence ?? 0)).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
    await expect(current?.check()).resolves.toBeUndefined();
    expect(onLost).toHaveBeenCalledTimes(1);
  });

  it('does not turn to one that is moved in another slot', async () => {
    const first = await acquireIn(ledger, ID);
    const second = await acquireIn(other, OTHER_ID);

    expect(await second?.turnTo(ID)).toBe(false);
    expect(await acquireIn(ledger, OTHER_ID)).toBeUndefined();
    await first?.release();
    expect(await second?.turnTo(ID)).toBe(true);
    expect(await acquireIn(ledger, ID)).toBeUndefined();
    expect(await acquireIn(ledger, OTHER_ID)).toBeDefined();
  });

  it('lets one pass that is before another in line and waits, and none that moves', async () => {
    const [early, late] = ['early', 'late'].map((name) => ({ ...fileRecording(name), plan: LOOKED_INTO }));
    await ledger.recordings.accept({ ...early, place: 0 } as NewRecording);
    await ledger.recordings.accept({ ...late, place: 1 } as NewRecording);
    const behind = await ledger.recordings.get(recordingId('late'));
    const ahead = async () => (behind === undefined ? undefined : await ledger.recordings.before(behind));

    expect(await ahead()).toMatchObject({ id: recordingId('early') });
    const lease = await acquireIn(ledger, recordingId('early'));
    await ledger.moves.startAttempt(recordingId('early'), lease?.fence ?? 0);
    expect(await ahead()).toBeUndefined();
  });
});

describe('a worker that has lost its lease', () => {
  it.each<[string, (fence: number) => Promise<unknown>]>([
    ['begin an attempt', (fence) => ledger.moves.startAttempt(ID, fence)],
    ['begin a stage', (fence) => ledger.moves.startStage(ID, 'fetch', fence, stepOf('fetch'))],
    [
      'save a checkpoint',
      (fence) =>
        ledger.moves.saveCheckpoint(ID, 'fetch', { validator: null, totalBytes: 5, contentId: 'x' }, fence),
    ],
    ['finish a stage', (fence) => ledger.moves.finishStage(ID, 'fetch', fact, fence)],
    ['undo a stage', (fence) => ledger.moves.undoStage(ID, 'fetch', 'why', fence)],
    ['finish', (fence) => ledger.moves.finish(ID, fence)],
    ['give back', (fence) => ledger.moves.giveBack(ID, 'why', fence)],
    ['postpone', (fence) => ledger.moves.postpone(ID, error, 1, fence)],
    ['back off', (fence) => ledger.moves.backOff(ID, error, 1, fence)],
    ['expect something late', (fence) => ledger.moves.expectLate(LATE, fence)],
    ['call it come in time', (fence) => ledger.moves.cameInTime(LATE, fence)],
    ['add to its history', (fence) => ledger.moves.note(ID, 'archive.left', {}, fence)],
    ['forget what was taken back', (fence) => ledger.moves.withdrawn(ID, fence)],
    ['say what was not taken back', (fence) => ledger.moves.withdrawalFailed(ID, error, 1, fence)],
    ['fail', (fence) => ledger.moves.fail(ID, error, announcement, fence)],
  ])('cannot %s any more', async (_name, write) => {
    const { stale, current } = await takenOver();
    await other.moves.startAttempt(ID, current.fence);
    await other.moves.startStage(ID, 'fetch', current.fence, stepOf('fetch'));
    const { gate: _, ...before } = await ledger.dump();

    await expect(write(stale.fence)).rejects.toMatchObject({ code: 'LEASE_LOST', retry: 'never' });

    const { gate: __, ...after } = await ledger.dump();
    expect(after).toEqual(before);
    await write(current.fence);
  });
});

describe('what a worker records', () => {
  it('is the history of the recording, step by step', async () => {
    const fence = (await acquire(ledger))?.fence ?? 0;
    const { moves, recordings } = ledger;
    await moves.startAttempt(ID, fence);
    await moves.startStage(ID, 'fetch', fence, stepOf('fetch'));
    await moves.saveCheckpoint(ID, 'fetch', { validator: '"x"', totalBytes: 5, contentId: 'x' }, fence);
    expect(await recordings.progress(ID)).toEqual({
      facts: {},
      checkpoints: { fetch: { validator: '"x"', totalBytes: 5, contentId: 'x' } },
    });
    await moves.backOff(ID, error, 1234, fence);
    expect(await recordings.get(ID)).toMatchObject({
      state: 'backing-off',
      failedAttempts: 1,
      lastError: error,
      notBeforeMs: 1234,
    });

    await moves.startAttempt(ID, fence);
    await moves.finishStage(ID, 'fetch', fact, fence);
    expect((await recordings.progress(ID)).facts).toEqual({ fetch: fact });
    await moves.undoStage(ID, 'fetch', 'the file is gone', fence);
    expect(await recordings.progress(ID)).toEqual({ facts: {}, checkpoints: {} });
    await moves.giveBack(ID, 'stopped', fence);
    expect(await recordings.get(ID)).toMatchObject({ state: 'waiting', failedAttempts: 1 });

    await moves.startAttempt(ID, fence);
    await moves.finish(ID, fence);
    expect(await recordings.get(ID)).toMatchObject({
      state: 'done',
      lastError: null,
      endedAtMs: expect.any(Number),
    });
    expect((await recordings.events(ID)).map(({ type }) => type)).toEqual([
      'recording.accepted',
      'attempt.started',
      'stage.started',
      'attempt.failed',
      'attempt.started',
      'stage.done',
      'stage.undone',
      'attempt.interrupted',
      'attempt.started',
      'recording.done',
    ]);
  });

  it('of its end as failed comes with the announcement of it, or not at all', async () => {
    const fence = (await acquire(ledger))?.fence ?? 0;
    await ledger.moves.fail(ID, error, announcement, fence);

    expect(await ledger.recordings.get(ID)).toMatchObject({ state: 'failed', lastError: error });
    expect(await ledger.deliveries.ofRecording(ID)).toEqual([
      expect.objectContaining({ type: 'recording.failed', state: 'pending' }),
    ]);
    const before = await ledger.dump();
    const unknown = { ...announcement, recordingId: 'rec_unknown' };
    await expect(ledger.moves.fail(ID, error, unknown, fence)).rejects.toThrow();
    expect((await ledger.dump())['recordings']).toEqual(before['recordings']);
  });
});
