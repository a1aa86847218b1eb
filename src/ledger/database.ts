import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, Migrator, SqliteDialect, sql } from 'kysely';
import Sqlite from 'libsql';
import { KnownError, systemCode } from '../domain/errors.ts';
import { migrationProvider } from './migrations.ts';
import type { Tables } from './schema.ts';

export type Database = Kysely<Tables>;

/** How long a statement waits for another process that is writing, in milliseconds. */
const BUSY_TIMEOUT_MS = 5000;

/** After how many changed pages (4 KiB) a commit also tidies the write-ahead log up; SQLite's own number. */
const TIDY_AFTER_PAGES = 1000;

/** How long an opening waits for others that are opening the same file, and how often it looks, in milliseconds. */
const OPENING_TIMEOUT_MS = 20_000;
const OPENING_POLL_MS = 50;

/**
 * Opens the ledger's file, makes it readable to this user only, and brings its schema up to date. A commit is on the
 * disk before it returns; several processes may have the file open.
 *
 * Transactions begin with a write: SQLite then waits for other writers at once, instead of failing half-way when it
 * would have to turn a reader into a writer.
 *
 * @param options.leavesTidying Leaves it to others to tidy up after many changes, unless they never do: it is what makes
 *   one commit in a hundred slow.
 * @throws KnownError `LEDGER_UNUSABLE`
 */
export async function openDatabase(
  path: string,
  { leavesTidying = false }: { leavesTidying?: boolean } = {},
): Promise<Database> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
    const sqlite = new Sqlite(path);
    sqlite.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    // SQLite does not wait by itself for this one.
    await whenFree(() => sqlite.pragma('journal_mode = WAL'));
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    sqlite.pragma(`wal_autocheckpoint = ${leavesTidying ? 10 * TIDY_AFTER_PAGES : TIDY_AFTER_PAGES}`);
    // What is forgotten, a token say, is gone from the file as well.
    sqlite.pragma('secure_delete = ON');
    sqlite.pragma('journal_size_limit = 0');
    const db: Database = new Kysely({ dialect: new SqliteDialect({ database: sqlite }) });
    await whenFree(() => migrate(sqlite, db));
    return db;
  } catch (error) {
    throw new KnownError(`The ledger ${path} could not be opened: ${String(error)}`, {
      code: 'LEDGER_UNUSABLE',
      cause: error,
    });
  }
}

/**
 * Closes it. Whoever is the last moves what is in the write-ahead log into the file, so that the log keeps nothing that
 * was forgotten; with others still there this is left to them.
 */
export async function closeDatabase(db: Database): Promise<void> {
  try {
    await sql`pragma busy_timeout = 0`.execute(db);
    await sql`pragma wal_checkpoint(TRUNCATE)`.execute(db);
  } catch {
    // Closed already, or somebody else is writing; nothing depends on it.
  }
  await db.destroy();
}

/** Brings the schema up to date in one transaction: who comes second waits for the first, and finds nothing to do. */
async function migrate(sqlite: Sqlite.Database, db: Database): Promise<void> {
  sqlite.exec('begin immediate');
  const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
  sqlite.exec(error === undefined ? 'commit' : 'rollback');
  if (error !== undefined) throw error;
}

/** Does something as soon as no other process has the whole file to itself. */
async function whenFree<T>(action: () => T): Promise<Awaited<T>> {
  const deadlineMs = Date.now() + OPENING_TIMEOUT_MS;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!systemCode(error)?.startsWith('SQLITE_BUSY') || Date.now() > deadlineMs) throw error;
      await sleep(OPENING_POLL_MS);
    }
  }
}
