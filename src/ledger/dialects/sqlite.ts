import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { Kysely, Migrator } from 'kysely';
import Sqlite from 'libsql';
import { KnownError } from '../../domain/errors.ts';
import { compareNames, migrationProvider } from '../migrations.ts';
import type { Tables } from '../schema.ts';
import { createSqliteDialect, READER_TIMEOUT_MS } from './sqlite-dialect.ts';

export type WhenFree = <T>(action: () => T) => Promise<Awaited<T>>;

/** After how many changed pages (4 KiB) a commit also tidies the write-ahead log up; SQLite's own number. */
const TIDY_AFTER_PAGES = 1000;

/**
 * Opens the ledger's file, makes it readable to this user only, and brings its schema up to date. A commit is on the
 * disk before it returns; several processes of this machine may have the file open.
 *
 * @param whenFree Does something as soon as no other process has the whole file to itself
 * @param leavesTidying Leaves it to others to tidy up after many changes, unless they never do: it is what makes
 *   one commit in a hundred slow
 * @throws KnownError `LEDGER_UNUSABLE`
 */
export async function openSqlite(
  path: string,
  { whenFree, leavesTidying }: { readonly whenFree: WhenFree; readonly leavesTidying: boolean },
): Promise<Kysely<Tables>> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Only a new one: to close a file by hand takes away the locks that SQLite has on it in this process.
    if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
    const sqlite = new Sqlite(path);
    const tidyAfterPages = leavesTidying ? 10 * TIDY_AFTER_PAGES : TIDY_AFTER_PAGES;
    // SQLite does not wait by itself for the log.
    await whenFree(() =>
      sqlite.exec(`
        pragma busy_timeout = ${READER_TIMEOUT_MS};
        pragma journal_mode = WAL;
        pragma synchronous = FULL;
        pragma foreign_keys = ON;
        pragma wal_autocheckpoint = ${tidyAfterPages};
        -- What is forgotten, a token say, is gone from the file as well.
        pragma secure_delete = ON;
      `),
    );
    refuseNewer(path, sqlite);
    const reader = new Sqlite(path);
    await whenFree(() => reader.exec(`pragma busy_timeout = ${READER_TIMEOUT_MS}; pragma query_only = ON`));
    const closeBoth = () => {
      reader.close();
      close(sqlite);
    };
    const db = new Kysely<Tables>({ dialect: createSqliteDialect({ sqlite, reader, close: closeBoth }) });
    await whenFree(() => migrate(sqlite, db));
    return db;
  } catch (error) {
    if (error instanceof KnownError) throw error;
    throw new KnownError(`The ledger ${path} could not be opened: ${String(error)}`, {
      code: 'LEDGER_UNUSABLE',
      cause: error,
    });
  }
}

/**
 * Whoever is the last moves what is in the write-ahead log into the file, so that the log keeps nothing that was
 * forgotten; with others still there this is left to them.
 */
function close(sqlite: Sqlite.Database): void {
  try {
    sqlite.exec('pragma busy_timeout = 0; pragma wal_checkpoint(TRUNCATE)');
  } catch {
    // Somebody else is writing; nothing depends on it.
  }
  sqlite.close();
}

/** Nothing is changed in a ledger that a newer version has had. */
function refuseNewer(path: string, sqlite: Sqlite.Database): void {
  const { unknown } = compareSchema(sqlite);
  if (unknown.length === 0) return;
  sqlite.close();
  throw new KnownError(
    `The ledger ${path} belongs to a newer version of Sluice (${unknown.join(', ')}): run that version again, or restore the backup from before it (docs/upgrading.md).`,
    { code: 'LEDGER_UNUSABLE' },
  );
}

/** Brings the schema up to date in one transaction: who comes second waits for the first, and finds nothing to do. */
async function migrate(sqlite: Sqlite.Database, db: Kysely<Tables>): Promise<void> {
  sqlite.exec('begin immediate');
  const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
  if (error === undefined) sqlite.exec('commit');
  else if (sqlite.inTransaction) sqlite.exec('rollback');
  if (error !== undefined) throw error;
}

/** How the steps that a ledger's file has taken differ from those that this version knows. */
export function compareSchema(sqlite: Sqlite.Database): ReturnType<typeof compareNames> {
  const tables = sqlite.prepare("select name from sqlite_master where name = 'kysely_migration'").all();
  const rows = tables.length === 0 ? [] : sqlite.prepare('select name from kysely_migration').all();
  return compareNames((rows as { name: string }[]).map(({ name }) => name));
}
