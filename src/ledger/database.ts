import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, Migrator, SqliteDialect } from 'kysely';
import Sqlite from 'libsql';
import { KnownError } from '../domain/errors.ts';
import { migrationProvider } from './migrations.ts';
import type { Tables } from './schema.ts';

export type Database = Kysely<Tables>;

/** How long a statement waits for another process that is writing, in milliseconds. */
const BUSY_TIMEOUT_MS = 5000;

const MIGRATION_ATTEMPTS = 5;

/**
 * Opens the ledger's file, makes it readable to this user only, and brings its schema up to date. A commit is on the
 * disk before it returns; several processes may have the file open.
 *
 * Transactions begin with a write: SQLite then waits for other writers at once, instead of failing half-way when it
 * would have to turn a reader into a writer.
 *
 * @throws KnownError `LEDGER_UNUSABLE`
 */
export async function openDatabase(path: string): Promise<Database> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
    const sqlite = new Sqlite(path);
    sqlite.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    const db: Database = new Kysely({ dialect: new SqliteDialect({ database: sqlite }) });
    await migrate(db);
    return db;
  } catch (error) {
    throw new KnownError(`The ledger ${path} could not be opened: ${String(error)}`, {
      code: 'LEDGER_UNUSABLE',
      cause: error,
    });
  }
}

/** Three processes start at once and each wants to migrate: who comes second fails, and finds it done at the next look. */
async function migrate(db: Database): Promise<void> {
  const migrator = new Migrator({ db, provider: migrationProvider });
  for (let attempt = 1; ; attempt += 1) {
    const { error } = await migrator.migrateToLatest();
    if (error === undefined) return;
    if (attempt === MIGRATION_ATTEMPTS) throw error;
    await sleep(100 * attempt);
  }
}
