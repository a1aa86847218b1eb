import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { change, nextNumber } from '../../src/ledger/change.ts';
import { fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;

beforeEach(async () => {
  ledger = await openTestLedger();
});
afterEach(() => ledger.close());

const give = (count = 1) =>
  change(ledger.base.db, async (trx) => {
    const given: number[] = [];
    for (let left = count; left > 0; left -= 1) given.push(await nextNumber(trx, 'events'));
    return given;
  });

const lastGiven = async () => {
  const { base } = ledger;
  const row = await base.db
    .selectFrom('counters')
    .select('n')
    .where('name', '=', 'events')
    .executeTakeFirst();
  return row && Number(row.n);
};

async function accept(...keys: string[]): Promise<number[]> {
  const seqs: number[] = [];
  for (const key of keys) {
    const { id } = await ledger.recordings.accept(fileRecording(key));
    seqs.push(...(await ledger.recordings.events(id)).map(({ seq }) => seq));
  }
  return seqs;
}

describe('the numbers of a table', () => {
  it('go on from one change to the next, however many each has taken', async () => {
    expect(await give(3)).toEqual([1, 2, 3]);
    expect(await give()).toEqual([4]);
    expect(await give(2)).toEqual([5, 6]);
    expect(await lastGiven()).toBe(6);
  });

  it('are each given once to whoever asks at the same moment, in one change or in several', async () => {
    const together = change(ledger.base.db, (trx) =>
      Promise.all([1, 2, 3].map(() => nextNumber(trx, 'events'))),
    );
    const given = (await Promise.all([together, give(2), give()])).flat();

    expect([...given].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('are those of a change that failed for the one that comes after it', async () => {
    await give(2);
    const failing = change(ledger.base.db, async (trx) => {
      await nextNumber(trx, 'events');
      await nextNumber(trx, 'events');
      throw new Error('taken back');
    });
    await expect(failing).rejects.toThrow('taken back');

    expect(await give()).toEqual([3]);
  });

  it('are not given again once their rows are gone', async () => {
    const [, second] = await accept('one', 'two');
    await sql`delete from events where seq = ${second}`.execute(ledger.base.db);

    expect(await accept('three')).toEqual([3]);
  });

  it('lie behind rows that others have put there', async () => {
    const [, second] = await accept('one', 'two');
    await sql`update events set seq = 700 where seq = ${second}`.execute(ledger.base.db);

    expect(await accept('three', 'four')).toEqual([701, 702]);
  });

  it('begin behind its rows where it has no counter', async () => {
    await accept('one', 'two');
    await sql`delete from counters`.execute(ledger.base.db);

    expect(await give(2)).toEqual([3, 4]);
    expect(await lastGiven()).toBe(4);
  });

  it('are not given outside a change, which alone keeps their order', async () => {
    const outside = ledger.base.db.transaction().execute((trx) => nextNumber(trx, 'events'));

    await expect(outside).rejects.toThrow('within a change');
  });
});
