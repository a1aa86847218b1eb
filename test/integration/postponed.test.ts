import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileRecording, openTestLedger, stepOf, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let id: string;

beforeEach(async () => {
  ledger = await openTestLedger();
  id = (await ledger.recordings.accept(fileRecording('a'))).id;
});
afterEach(() => ledger.close());

const FULL = { code: 'DISK_FULL', message: 'no room' } as const;
const BUSY = { code: 'LEDGER_BUSY', message: 'busy' } as const;

/** An attempt that is put back; what it has got done first is told. */
async function attempt(
  error: { code: typeof FULL.code | typeof BUSY.code; message: string },
  gotDone = false,
) {
  const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
  const fence = lease?.fence ?? 0;
  await ledger.moves.startAttempt(id, fence);
  await ledger.moves.startStage(id, 'archive', fence, stepOf('archive'));
  if (gotDone) await ledger.moves.note(id, 'late.removed', {}, fence);
  await ledger.moves.postpone(id, error, 0, fence);
  await lease?.release();
}

async function everybodyHasRead(): Promise<void> {
  await ledger.tallies.catchUp(10_000);
  const from = await ledger.alarms.position();
  const events = await ledger.recordings.events();
  await ledger.alarms.apply([], { from, to: events.at(-1)?.seq ?? 0 });
}

const history = async () => (await ledger.recordings.events(id)).map(({ type }) => type);
const ROUND = ['attempt.started', 'stage.started', 'attempt.postponed'];

it('keeps of a long wait the first attempt and the last', async () => {
  for (let n = 0; n < 40; n += 1) {
    await attempt(FULL);
    await everybodyHasRead();
  }
  expect(await history()).toEqual(['recording.accepted', ...ROUND, ...ROUND]);
  const [first, last] = (await ledger.recordings.events(id)).filter(
    ({ type }) => type === 'attempt.postponed',
  );
  expect(last?.data).toMatchObject({ ...FULL, times: 40, sinceMs: first?.atMs });
  expect(await ledger.tallies.all()).toContainEqual({ name: 'attempts_started', labels: {}, value: 40 });
});

it('removes nothing that somebody has yet to read, and that later', async () => {
  for (let n = 0; n < 5; n += 1) await attempt(FULL);
  expect(await history()).toEqual(['recording.accepted', ...Array(5).fill(ROUND).flat()]);
  await everybodyHasRead();
  await attempt(FULL);
  expect(await history()).toEqual(['recording.accepted', ...ROUND, ...ROUND]);
});

it('counts anew for another reason, and where an attempt has got something done', async () => {
  for (const error of [FULL, FULL, FULL, BUSY, BUSY]) {
    await attempt(error);
    await everybodyHasRead();
  }
  await attempt(BUSY, true);
  const postponed = (await ledger.recordings.events(id)).filter(({ type }) => type === 'attempt.postponed');
  expect(postponed.map(({ data }) => [data['code'], data['times']])).toEqual([
    ['DISK_FULL', undefined],
    ['DISK_FULL', 3],
    ['LEDGER_BUSY', undefined],
    ['LEDGER_BUSY', 2],
    ['LEDGER_BUSY', undefined],
  ]);
  expect(await history()).toContain('late.removed');
});
