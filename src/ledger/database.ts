import { setTimeout as sleep } from 'node:timers/promises';
import { type Kysely, PostgresAdapter, sql, type Transaction } from 'kysely';
import { hasCode } from '../domain/errors.ts';
import { isPostgresUrl } from '../lib/postgres-url.ts';
import { openSqlite } from './dialects/sqlite.ts';
import { isBusy } from './dialects/sqlite-dialect.ts';
import type { Tables } from './schema.ts';

export type Database = Kysely<Tables>;

/** How long an opening waits for others that keep the ledger, or for a database that is away, and how often it looks, in milliseconds. */
const OPENING_TIMEOUT_MS = 20_000;
const OPENING_POLL_MS = 50;

/**
 * Opens the ledger and brings its schema up to date. A commit is on the disk before it returns; several processes may have it
 * open.
 *
 * @param address The path of a file, or the URL of a Postgres database
 * @param options.leavesTidying Leaves it to others to tidy up after many changes, unless they never do
 * @throws KnownError `LEDGER_UNUSABLE`, `LEDGER_AWAY`
 */
export async function openDatabase(
  address: string,
  { leavesTidying = false }: { leavesTidying?: boolean } = {},
): Promise<Database> {
  if (!isPostgresUrl(address)) return await openSqlite(address, { whenFree, leavesTidying });
  // Its client is read by those alone who have a server.
  const { openPostgres } = await import('./dialects/postgres.ts');
  return await whenFree(() => openPostgres(address));
}

/** Whether this ledger lies in Postgres. */
export function isPostgres(db: Database | Transaction<Tables>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/**
 * Of a file: moves what is in the write-ahead log into it and empties that, which otherwise keeps what was forgotten until it is
 * written over. Not done after each change: a log that need not grow is twice as fast. A server sees to its log itself.
 */
export async function emptyLog(db: Database): Promise<void> {
  if (!isPostgres(db)) await sql`pragma wal_checkpoint(TRUNCATE)`.execute(db);
}

/** Does something as soon as nobody else keeps the whole ledger. */
async function whenFree<T>(action: () => T): Promise<Awaited<T>> {
  const deadlineMs = performance.now() + OPENING_TIMEOUT_MS;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!isInTheWay(error) || performance.now() > deadlineMs) throw error;
      await sleep(OPENING_POLL_MS);
    }
  }
}

/** Whether it is others who are in the way, or a database that is away at this moment. */
function isInTheWay(error: unknown): boolean {
  return isBusy(error) || hasCode(error, 'LEDGER_AWAY');
}
