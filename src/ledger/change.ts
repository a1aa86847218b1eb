import { sql, type Transaction } from 'kysely';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';

/** The numbers that a change has given in one table: so many, from the first one on. */
interface Given {
  readonly first: Promise<number>;
  count: number;
}

/** A row of the history; its number is given when the change ends. */
export type UnnumberedEvent = Omit<Tables['events'], 'seq'>;

/** What a change that is under way has done so far. */
interface UnderWay {
  /** The numbers it has given, by the table. */
  readonly given: Map<keyof Tables, Given>;
  /** What it will have added to the history. */
  readonly events: UnnumberedEvent[];
}

const underWay = new WeakMap<Transaction<Tables>, UnderWay>();

function ofChange(trx: Transaction<Tables>): UnderWay {
  const state = underWay.get(trx);
  if (state === undefined) throw new Error('Numbers are given, and history is made, within a change alone');
  return state;
}

/**
 * The way in which the ledger is changed in several steps: all of them or none, and nobody else writes between them, so
 * that what was read is still so when it is acted upon.
 */
export function change<T>(db: Database, steps: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (trx) => {
    const { given, events }: UnderWay = { given: new Map(), events: [] };
    underWay.set(trx, { given, events });
    const result = await steps(trx);
    if (events.length > 0) {
      const last = await countUp(trx, 'events', 'seq', events.length);
      const rows = events.map((event, at) => ({ seq: last - events.length + 1 + at, ...event }));
      await trx.insertInto('events').values(rows).execute();
    }
    for (const [table, { first, count }] of given) {
      if (count > 1) await keepLast(trx, table, (await first) + count - 1);
    }
    return result;
  });
}

/** Has a row added to the history when this change ends, together with its others and after all else. */
export function addLast(trx: Transaction<Tables>, event: UnnumberedEvent): void {
  ofChange(trx).events.push(event);
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
  const { given: tables } = ofChange(trx);
  const given = tables.get(table) ?? { first: countUp(trx, table, column, 1), count: 0 };
  tables.set(table, given);
  const before = given.count;
  given.count += 1;
  return (await given.first) + before;
}

/** Counts up by so many and holds the counter, which nobody else gets until this transaction has ended; returns the last number. */
async function countUp(
  trx: Transaction<Tables>,
  table: keyof Tables,
  column: 'seq' | 'id',
  by: number,
): Promise<number> {
  // A table that other hands have filled may be ahead of its counter, or have none yet.
  const { rows } = await sql<{ n: number }>`insert into counters (name, n)
    values (${table}, (select coalesce(max(${sql.ref(column)}), 0) + ${by} from ${sql.table(table)}))
    on conflict (name) do update
      set n = case when counters.n + ${by} < excluded.n then excluded.n else counters.n + ${by} end
    returning n`.execute(trx);
  return Number(rows[0]?.n);
}

async function keepLast(trx: Transaction<Tables>, table: keyof Tables, n: number): Promise<void> {
  await trx.updateTable('counters').set({ n }).where('name', '=', table).execute();
}
