import { sql, type Transaction } from 'kysely';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';

/** The numbers that a change has given in one table: so many, from the first one on. */
interface Given {
  readonly first: Promise<number>;
  count: number;
}

/** What each change that is under way has given, by the table. */
const givenIn = new WeakMap<Transaction<Tables>, Map<keyof Tables, Given>>();

/**
 * The way in which the ledger is changed in several steps: all of them or none, and nobody else writes between them, so
 * that what was read is still so when it is acted upon.
 */
export function change<T>(db: Database, steps: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (trx) => {
    const given = new Map<keyof Tables, Given>();
    givenIn.set(trx, given);
    const result = await steps(trx);
    for (const [table, { first, count }] of given) {
      if (count > 1) await keepLast(trx, table, (await first) + count - 1);
    }
    return result;
  });
}

/**
 * The next number of a table, for a row that is written in the same `change`; where none is written after all the number
 * is left out. None is given twice.
 *
 * Numbers rise in the order in which changes are committed, which is what those go by who follow a table (the live stream,
 * the alarms, the tallies): whoever has seen a number will never see a lower one appear. That holds because a counter is
 * changed in the transaction of its rows, so that whoever wants the next number waits until that one has ended.
 *
 * It costs one statement per table, and one more for all that follow the first in the same change.
 */
export async function nextNumber(
  trx: Transaction<Tables>,
  table: keyof Tables,
  column: 'seq' | 'id' = 'seq',
): Promise<number> {
  const tables = givenIn.get(trx);
  if (tables === undefined) throw new Error('Numbers are given within a change alone');
  const given = tables.get(table) ?? { first: countUp(trx, table, column), count: 0 };
  tables.set(table, given);
  const before = given.count;
  given.count += 1;
  return (await given.first) + before;
}

/** Counts one up and holds the counter, which nobody else gets until this transaction has ended. */
async function countUp(trx: Transaction<Tables>, table: keyof Tables, column: 'seq' | 'id'): Promise<number> {
  // A table that other hands have filled may be ahead of its counter, or have none yet.
  const { rows } = await sql<{ n: number }>`insert into counters (name, n)
    values (${table}, (select coalesce(max(${sql.ref(column)}), 0) + 1 from ${sql.table(table)}))
    on conflict (name) do update set n = case when counters.n < excluded.n then excluded.n else counters.n + 1 end
    returning n`.execute(trx);
  return Number(rows[0]?.n);
}

async function keepLast(trx: Transaction<Tables>, table: keyof Tables, n: number): Promise<void> {
  await trx.updateTable('counters').set({ n }).where('name', '=', table).execute();
}
