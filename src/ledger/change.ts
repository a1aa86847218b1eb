import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';

/**
 * The way in which the ledger is changed in several steps: all of them or none, and nobody else writes between them, so
 * that what was read is still so when it is acted upon.
 */
export function change<T>(db: Database, steps: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
  return db.transaction().execute(steps);
}

/**
 * The next number of a table, for the row that is being written: numbers rise in the order in which changes are committed,
 * which is what those who follow a table go by.
 */
export function nextNumber(table: keyof Tables, column: 'seq' | 'id' = 'seq'): RawBuilder<number> {
  return sql<number>`(select coalesce(max(${sql.ref(column)}), 0) + 1 from ${sql.table(table)})`;
}
