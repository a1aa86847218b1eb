import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordingId } from '../../src/domain/ids.ts';
import { openDatabase } from '../../src/ledger/database.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { fileRecording, openTestLedger, stepOf, type TestLedger, zoomRecording } from '../support/ledger.ts';
import { isRunOnPostgres } from '../support/postgres-floor.ts';

let ledger: TestLedger;

beforeEach(async () => {
  ledger = await openTestLedger();
});

afterEach(() => ledger.close());

const idOf = recordingId;
const accept = (key: string) => ledger.recordings.accept(fileRecording(key));
const typesOf = async (id: string) => (await ledger.recordings.events(id)).map(({ type }) => type);

/** The gate, taken for a recording. */
async function takeGate(recordingKey: string): Promise<number> {
  const lease = await ledger.gate.acquire({
    recordingId: idOf(recordingKey),
    holder: 'test',
    onLost: () => {},
  });
  if (lease === undefined) throw new Error('the gate is taken');
  return lease.fence;
}

describe.skipIf(isRunOnPostgres())('the ledger file', () => {
  it('is for its own user only, and so is all that lies beside it', async () => {
    for (const name of ['', '-wal', '-shm']) {
      expect((await stat(`${ledger.address}${name}`)).mode & 0o777, name).toBe(0o600);
    }
    expect((await stat(join(ledger.folder, 'data'))).mode & 0o777).toBe(0o700);
  });

  it('is made private again when somebody has opened it up', async () => {
    const path = join(ledger.folder, 'public.db');
    await writeFile(path, '', { mode: 0o644 });

    await (await openWholeLedger({ address: path, leaseMs: 5000 })).close();

    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('is written ahead, and every commit reaches the disk', async () => {
    const db = await openDatabase(ledger.address);
    const ask = async (pragma: string) => (await sql.raw(`pragma ${pragma}`).execute(db)).rows[0];

    expect(await ask('journal_mode')).toMatchObject({ journal_mode: 'wal' });
    // 2 is FULL: a commit is on the disk before it returns.
    expect(await ask('synchronous')).toMatchObject({ synchronous: 2 });
    expect(await ask('foreign_keys')).toMatchObject({ foreign_keys: 1 });
    await db.destroy();
  });

  it('keeps what was accepted when it is opened again', async () => {
    await accept('a');
    const before = await ledger.dump();

    const again = await openWholeLedger({ address: ledger.address, leaseMs: 5000 });

    expect(await again.recordings.get(idOf('a'))).toMatchObject({ title: 'Algebra', state: 'waiting' });
    await again.close();
    expect(await ledger.dump()).toEqual(before);
  });

  it.each([
    ['a folder', async () => ledger.folder],
    ['under a file', async () => join(ledger.address, 'ledger.db')],
    [
      'no database',
      async () => {
        const path = join(ledger.folder, 'text.db');
        await writeFile(path, 'this is no database at all, '.repeat(100));
        return path;
      },
    ],
  ])('that is %s cannot be used', async (_name, path) => {
    await expect(openWholeLedger({ address: await path(), leaseMs: 5000 })).rejects.toMatchObject({
      code: 'LEDGER_UNUSABLE',
      retry: 'never',
    });
  });
});

describe('accept', () => {
  it('takes a natural key once', async () => {
    expect(await accept('a')).toEqual({ id: idOf('a'), state: 'waiting', isDuplicate: false });
    expect(await accept('a')).toEqual({ id: idOf('a'), state: 'waiting', isDuplicate: true });

    expect((await ledger.dump())['recordings']).toHaveLength(1);
    expect(await typesOf(idOf('a'))).toEqual(['recording.accepted', 'recording.repeated']);
  });

  it('puts a recording and its history into the ledger together', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => accept(String(n))));

    const events = await ledger.recordings.events();
    expect(events).toHaveLength(20);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  });

  it.each([
    ['a newer event', 2000, 'new'],
    ['an event of the same time', 1000, 'old'],
    ['an older event', 500, 'old'],
  ])('keeps of two events the address of the right one: %s', async (_name, eventAtMs, version) => {
    await ledger.recordings.accept(zoomRecording('z', 1000, 'old'));

    await ledger.recordings.accept(zoomRecording('z', eventAtMs, 'new'));

    expect(await ledger.recordings.get(idOf('z'))).toMatchObject({
      title: 'Algebra old',
      origin: { downloadToken: `token-${version}` },
    });
  });

  it('keeps the name that it is to have in the archive, whatever a newer event says of its day', async () => {
    const on = (key: string, eventAtMs: number, archiveDay?: string) => {
      const recording = zoomRecording(key, eventAtMs, 'x');
      const origin = { ...recording.origin, ...(archiveDay === undefined ? {} : { archiveDay }) };
      return ledger.recordings.accept({ ...recording, origin });
    };
    await on('with', 1000, '2025-12-31');
    await on('without', 1000);

    await on('with', 2000, '2026-01-01');
    await on('without', 2000, '2026-01-01');

    const dayOf = async (key: string) => (await ledger.recordings.get(idOf(key)))?.origin.archiveDay;
    expect([await dayOf('with'), await dayOf('without')]).toEqual(['2025-12-31', undefined]);
  });

  it('does not touch what is done', async () => {
    await ledger.recordings.accept(zoomRecording('z', 1000, 'old'));
    await ledger.moves.finish(idOf('z'), await takeGate('z'));

    const accepted = await ledger.recordings.accept(zoomRecording('z', 2000, 'new'));

    expect(accepted).toEqual({ id: idOf('z'), state: 'done', isDuplicate: true });
    expect(await ledger.recordings.get(idOf('z'))).toMatchObject({
      origin: { downloadUrl: 'https://us02web.zoom.us/rec/old', downloadToken: null },
    });
  });

  it('does not exchange a file that waits for another', async () => {
    await accept('a');
    const other = fileRecording('a', { origin: { ...fileRecording('b').origin } });

    await ledger.recordings.accept(other);

    expect(await ledger.recordings.get(idOf('a'))).toMatchObject({ origin: { path: '/files/a.mp4' } });
  });

  it('lets a failed recording begin anew, with what it has proved so far', async () => {
    await accept('a');
    const fence = await takeGate('a');
    const fact = { path: '/x', bytes: 5, contentId: 'x', mediaType: 'video/mp4', extension: 'mp4' };
    await ledger.moves.startStage(idOf('a'), 'fetch', fence, stepOf('fetch'));
    await ledger.moves.finishStage(idOf('a'), 'fetch', fact, fence);
    const error = { code: 'REMOTE_REJECTED', message: 'no' } as const;
    await ledger.moves.fail(
      idOf('a'),
      error,
      { recordingId: idOf('a'), type: 'recording.failed', body: '{}' },
      fence,
    );
    expect(await ledger.recordings.unfinished()).toEqual([]);

    await ledger.recordings.accept(fileRecording('a', { notBeforeMs: 7 }));

    expect(await ledger.recordings.get(idOf('a'))).toMatchObject({
      state: 'waiting',
      failedAttempts: 0,
      notBeforeMs: 7,
      endedAtMs: null,
    });
    expect((await ledger.recordings.progress(idOf('a'))).facts).toEqual({ fetch: fact });
  });
});

describe('unfinished', () => {
  it('is what waits, moves or backs off, the oldest first', async () => {
    for (const key of ['a', 'b', 'c', 'd', 'e']) await accept(key);
    const fence = await takeGate('a');
    const error = { code: 'REMOTE_UNAVAILABLE', message: 'no' } as const;
    await ledger.moves.finish(idOf('a'), fence);
    await ledger.moves.fail(
      idOf('b'),
      error,
      { recordingId: idOf('b'), type: 'recording.failed', body: '{}' },
      fence,
    );
    await ledger.moves.backOff(idOf('c'), error, 1234, fence);
    await ledger.moves.startAttempt(idOf('e'), fence);

    expect(await ledger.recordings.unfinished()).toEqual([
      { id: idOf('c'), seq: 3, notBeforeMs: 1234 },
      { id: idOf('d'), seq: 4, notBeforeMs: 0 },
      { id: idOf('e'), seq: 5, notBeforeMs: 0 },
    ]);
    expect(await ledger.recordings.unfinished(4)).toEqual([{ id: idOf('e'), seq: 5, notBeforeMs: 0 }]);
    const page = await ledger.recordings.unfinished(0, 2);
    expect(page).toEqual((await ledger.recordings.unfinished()).slice(0, 2));
  });
});

describe('deliveries', () => {
  const published = (recordingKey: string, body = '{"n":1}') => ({
    recordingId: idOf(recordingKey),
    type: 'recording.published',
    body,
  });

  beforeEach(async () => {
    for (const key of ['a', 'b']) await accept(key);
  });

  it('are written once per recording and type, and the first body stays', async () => {
    const first = await ledger.deliveries.add(published('a'));
    const [second, third] = await Promise.all([
      ledger.deliveries.add(published('a', '{"n":2}')),
      ledger.deliveries.add(published('a', '{"n":3}')),
    ]);

    expect(second).toEqual(first);
    expect(third).toEqual(first);
    expect(await ledger.deliveries.ofRecording(idOf('a'))).toEqual([
      expect.objectContaining({ id: first.id, body: '{"n":1}', state: 'pending', attempts: 0 }),
    ]);
    // Standard Webhooks: an id has no dot.
    expect(first.id).toMatch(/^msg_[0-9a-f]{32}$/);
  });

  it('of other recordings and types are others', async () => {
    const ids = [
      await ledger.deliveries.add(published('a')),
      await ledger.deliveries.add(published('b')),
      await ledger.deliveries.add({ ...published('a'), type: 'recording.playable' }),
    ].map(({ id }) => id);

    expect(new Set(ids).size).toBe(3);
    expect((await ledger.deliveries.pending()).map(({ id }) => id)).toEqual(ids);
  });

  it('are pending until they were heard or given up, and count their attempts', async () => {
    const [heard, late, lost] = [
      await ledger.deliveries.add(published('a')),
      await ledger.deliveries.add(published('b')),
      await ledger.deliveries.add({ ...published('b'), type: 'recording.playable' }),
    ].map(({ id }) => id);
    const error = { code: 'REMOTE_UNAVAILABLE', message: 'no' } as const;
    await ledger.deliveries.delivered(heard ?? '');
    await ledger.deliveries.backOff(late ?? '', error, 1234);
    await ledger.deliveries.fail(lost ?? '', error);

    expect(await ledger.deliveries.pending()).toEqual([
      expect.objectContaining({ id: late, notBeforeMs: 1234 }),
    ]);
    expect(await ledger.deliveries.get(heard ?? '')).toMatchObject({ state: 'delivered', attempts: 1 });
    expect(await ledger.deliveries.get(late ?? '')).toMatchObject({
      state: 'pending',
      attempts: 1,
      lastError: error,
    });
    expect(await ledger.deliveries.get(lost ?? '')).toMatchObject({ state: 'failed', attempts: 1 });
  });
});
