import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewRecording } from '../../src/domain/recording.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;

beforeEach(async () => {
  ledger = await openTestLedger();
});
afterEach(() => ledger.close());

const accept = (recording: NewRecording) => ledger.recordings.accept(recording);
const history = async (id: string) => (await ledger.recordings.events(id)).map(({ type }) => type);

describe('recordings that are accepted', () => {
  it('stand in line in the order in which a crowd of them came, each with the beginning of its history', async () => {
    const keys = Array.from({ length: 250 }, (_, at) => `crowd-${at}`);

    const accepted = await Promise.all(keys.map((key) => accept(fileRecording(key))));

    expect(accepted.every(({ state, isDuplicate }) => state === 'waiting' && !isDuplicate)).toBe(true);
    const ids = accepted.map(({ id }) => id);
    const waiting = await ledger.recordings.unfinished();
    expect(waiting.map(({ id }) => id)).toEqual(ids);
    expect(await ledger.recordings.arrivals(waiting[99]?.seq ?? 0, 1000)).toEqual(waiting.slice(100));
    const events = await ledger.recordings.events();
    expect(events.map(({ recordingId, type }) => [recordingId, type])).toEqual(
      ids.map((id) => [id, 'recording.accepted']),
    );
  });

  it('are each one recording, however often they come at the same moment and through whichever process', async () => {
    const other = await openWholeLedger({ address: ledger.address, leaseMs: 5000 });
    try {
      const accepted = await Promise.all(
        [ledger, other, ledger, other].map(({ recordings }) => recordings.accept(fileRecording('same'))),
      );

      expect(accepted.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1);
      expect(await history(accepted[0]?.id ?? '')).toEqual([
        'recording.accepted',
        ...Array(3).fill('recording.repeated'),
      ]);
    } finally {
      await other.close();
    }
  });

  it('keep whatever their titles hold, but for what no database keeps', async () => {
    const titles = ["O'Brien; drop table --", '{"$1": "\\u0000"}', 'a\\', '\u{1F393} ümlaut', 'half \ud83c'];

    for (const [at, title] of titles.entries()) {
      const { id } = await accept({ ...fileRecording(`title-${at}`), title });
      expect((await ledger.recordings.get(id))?.title).toBe(title.replace(/\ud83c$/, '\ufffd'));
      expect(await history(id)).toEqual(['recording.accepted']);
    }
    const { id } = await accept({ ...fileRecording('nul'), title: 'a\0b' });
    expect((await ledger.recordings.get(id))?.title).toMatch(/^a/);
  });

  it('do not share the fate of one that cannot be kept', async () => {
    const tooBig = fileRecording('too-big');
    const kept = await Promise.allSettled([
      accept(fileRecording('before')),
      accept({ ...tooBig, origin: { ...tooBig.origin, bytes: 1e300 } }),
      accept(fileRecording('after')),
    ]);

    expect(kept.at(0)?.status).toBe('fulfilled');
    expect(kept.at(2)?.status).toBe('fulfilled');
    expect(await ledger.recordings.unfinished()).toHaveLength(
      kept.filter(({ status }) => status === 'fulfilled').length,
    );
  });

  it('are numbered behind what is there, where a counter is missing or stands before its rows', async () => {
    const { db } = ledger.base;
    await accept(fileRecording('first'));
    for (const table of ['recordings', 'events'] as const) {
      await sql`delete from counters where name = ${table}`.execute(db);
      const missing = await accept(fileRecording(`missing-${table}`));
      await sql`update counters set n = 0 where name = ${table}`.execute(db);
      const behind = await accept(fileRecording(`behind-${table}`));

      for (const { id, isDuplicate } of [missing, behind]) {
        expect(isDuplicate).toBe(false);
        expect(await history(id)).toEqual(['recording.accepted']);
      }
    }
    const seqs = (await ledger.recordings.unfinished()).map(({ seq }) => seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    expect(seqs).toHaveLength(5);
  });

  it('bring their plan along where it is not kept, or not any more', async () => {
    const plan = { recipe: 'of-the-test', version: 1, steps: [] };
    const goesByPlan = async (key: string) => {
      const { id, isDuplicate } = await accept({ ...fileRecording(key), plan });
      expect(isDuplicate).toBe(false);
      const { planKey = '' } = (await ledger.recordings.get(id)) ?? {};
      expect(
        await ledger.base.db.selectFrom('plans').select('plan').where('key', '=', planKey).execute(),
      ).toEqual([{ plan: JSON.stringify(plan) }]);
    };

    await goesByPlan('first');
    await goesByPlan('second');
    await ledger.base.db.deleteFrom('plans').execute();
    await goesByPlan('after a backup of the database was restored');
  });
});
