import { Kysely, Migrator, sql } from 'kysely';
import pg from 'pg';
import { KnownError, systemCode } from '../../domain/errors.ts';
import { shownPostgresUrl } from '../../lib/postgres-url.ts';
import { compareNames, migrationProvider } from '../migrations.ts';
import type { Tables } from '../schema.ts';
import { canAtOnce } from './at-once.ts';
import { followClock } from './postgres-clock.ts';
import { createAtOnce, createPostgresDialect } from './postgres-dialect.ts';
import { orDatabaseTrouble } from './postgres-errors.ts';

/** The oldest version that is tried, as Postgres numbers it. */
const OLDEST_VERSION = 150_000;

/** How many connections one process has at most. */
const MOST_CONNECTIONS = 8;

const CONNECT_TIMEOUT_MS = 5000;

/** When the server gives up: a change that waits for others, one whose process has gone silent, a statement. */
const LOCK_TIMEOUT_MS = 8000;
const SILENT_TIMEOUT_MS = 4000;
const STATEMENT_TIMEOUT_MS = 60_000;

/** After which the process gives up an answer of a server that can no longer be heard. */
const ANSWER_TIMEOUT_MS = 70_000;

/** Types that Postgres hands out as text, since not each of their values is a number of JavaScript; ours all are. */
const NUMBERS: readonly number[] = [pg.types.builtins.INT8, pg.types.builtins.NUMERIC];

/**
 * Words of SQLite that the ledger's statements use and that Postgres has not. Of JSON that names half a character or U+0000, which no
 * text of Postgres holds, U+FFFD is read; the JSON itself stays as it is. They stand in indexes, and are worked out with every row
 * that is written: in the language of the server they are planned once, in SQL each time.
 */
const WORDS = `
  create or replace function json_sound(text) returns json language plpgsql immutable strict parallel safe
    as $$ begin
      if $1 !~ '\\\\u(0000|[dD][89a-fA-F])' then return $1::json; end if;
      return regexp_replace(regexp_replace($1,
        '\\\\u(0000|[dD][89abAB][0-9a-fA-F]{2}(?!\\\\u[dD][c-fC-F]))', '\\ufffd', 'g'),
        '(?<!\\\\u[dD][89abAB][0-9a-fA-F]{2})\\\\u[dD][c-fC-F][0-9a-fA-F]{2}', '\\ufffd', 'g')::json;
    end $$;
  create or replace function json_extract(text, text) returns text language plpgsql immutable strict parallel safe
    as $$ begin return json_sound($1) #>> string_to_array(substr($2, 3), '.'); end $$;
  create or replace function json_member(text, text) returns text language plpgsql immutable strict parallel safe
    as $$ begin return json_sound($1) ->> $2; end $$;
  create or replace function json_valid(text) returns boolean language plpgsql immutable strict parallel safe
    as $$ begin perform $1::json; return true; exception when others then return false; end $$;
  create or replace function instr(text, text) returns integer language sql immutable strict parallel safe
    as $$ select strpos($1, $2) $$;
  do $$ begin
    create operator ->> (leftarg = text, rightarg = text, function = json_member);
  exception when duplicate_function then null; end $$;
`;

/**
 * Opens the ledger in a Postgres database and brings its schema up to date. A commit is on the server's disk before it
 * returns; processes of several machines may have it open.
 *
 * @throws KnownError `LEDGER_UNUSABLE`, or `LEDGER_AWAY` as long as it cannot be told
 */
export async function openPostgres(url: string): Promise<Kysely<Tables>> {
  const pool = openPool(url);
  let goBack = () => {};
  try {
    await requireUsable(pool);
    goBack = await followClock(() => askClockMs(pool));
    const db = new Kysely<Tables>({
      dialect: createPostgresDialect(pool, goBack),
    });
    await migrate(db);
    canAtOnce(db, createAtOnce(pool));
    return db;
  } catch (error) {
    goBack();
    await pool.end();
    throw inPlainWords(orDatabaseTrouble(error), url);
  }
}

/** What a look at the ledger's database has found, without changing it. */
export interface PostgresInspection {
  /** As Postgres names it, such as `15.19`. */
  readonly version: string;
  readonly bytes: number;
  readonly recordings: number;
  /** Steps of the schema that the next start takes. */
  readonly pending: readonly string[];
  /** How far the database's clock is ahead of this machine's; it is not told what the question took. */
  readonly clockAheadMs: number;
}

/**
 * Looks at the database beside the processes that use it.
 *
 * @throws KnownError `LEDGER_UNUSABLE`, or `LEDGER_AWAY` as long as it cannot be told
 */
export async function inspectPostgres(url: string): Promise<PostgresInspection> {
  const pool = openPool(url, 1);
  try {
    const { pending, isNew } = await requireUsable(pool);
    const askedAtMs = Date.now();
    const clockMs = await askClockMs(pool);
    return {
      version: String(await ask(pool, 'show server_version')),
      bytes: Number(await ask(pool, 'select pg_database_size(current_database())')),
      recordings: isNew ? 0 : Number(await ask(pool, 'select count(*) from recordings')),
      pending,
      clockAheadMs: Math.round(clockMs - (askedAtMs + Date.now()) / 2),
    };
  } catch (error) {
    throw inPlainWords(orDatabaseTrouble(error), url);
  } finally {
    await pool.end();
  }
}

function openPool(url: string, max = MOST_CONNECTIONS): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    // Several statements may be on their way at once.
    pipeline: true,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'sluice',
    options: [
      `-c lock_timeout=${LOCK_TIMEOUT_MS}`,
      `-c idle_in_transaction_session_timeout=${SILENT_TIMEOUT_MS}`,
      `-c statement_timeout=${STATEMENT_TIMEOUT_MS}`,
      // Whatever the database has been set to.
      '-c synchronous_commit=on',
      '-c default_transaction_isolation=read\\ committed',
      '-c client_encoding=UTF8',
    ].join(' '),
    types: {
      getTypeParser: ((oid: number, format: 'text' | 'binary') =>
        NUMBERS.includes(oid)
          ? Number
          : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  });
  // One that nobody uses at that moment; whoever wants the next is given a new one, or told.
  pool.on('error', () => {});
  // A connection says twice that it has ended; by the second time nobody may have it any more.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** The first value of the first row. */
async function ask(pool: pg.Pool, text: string): Promise<unknown> {
  return (await pool.query({ text, rowMode: 'array' })).rows[0]?.[0] as unknown;
}

async function askClockMs(pool: pg.Pool): Promise<number> {
  return Number(await ask(pool, 'select extract(epoch from clock_timestamp()) * 1000'));
}

/**
 * Refuses a database that cannot hold the ledger, or holds something else.
 *
 * @returns The steps of the schema that are still to be taken, and whether there is none of it yet
 */
async function requireUsable(pool: pg.Pool): Promise<{ pending: readonly string[]; isNew: boolean }> {
  const version = Number(await ask(pool, 'show server_version_num'));
  if (version < OLDEST_VERSION) {
    throw unusable(
      `it is of version ${String(await ask(pool, 'show server_version'))}: Sluice needs 15 or newer`,
    );
  }
  const encoding = await ask(pool, 'show server_encoding');
  if (encoding !== 'UTF8')
    throw unusable(`it keeps text as ${String(encoding)}: make one with encoding UTF8`);
  if ((await ask(pool, 'select pg_is_in_recovery()')) === true) {
    throw new KnownError('The database is a standby, which takes no changes: name the primary', {
      code: 'LEDGER_AWAY',
      retry: { waitMs: CONNECT_TIMEOUT_MS },
    });
  }
  const isNew = (await ask(pool, "select to_regclass('kysely_migration') is null")) === true;
  if (isNew && (await ask(pool, "select to_regclass('recordings') is not null")) === true) {
    throw unusable('it holds tables of another program: give Sluice a database of its own');
  }
  const { rows } = isNew
    ? { rows: [] }
    : await pool.query<{ name: string }>('select name from kysely_migration');
  const { pending, unknown } = compareNames(rows.map(({ name }) => name));
  if (unknown.length > 0) {
    throw unusable(
      `it belongs to a newer version of Sluice (${unknown.join(', ')}): run that version again, or restore the backup from before it (docs/upgrading.md)`,
    );
  }
  return { pending, isNew };
}

async function migrate(db: Kysely<Tables>): Promise<void> {
  // Under the lock of all changes: two that define the same word at once are in each other's way.
  await db.transaction().execute((trx) => sql.raw(WORDS).execute(trx));
  const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
  if (error !== undefined) throw error;
}

function unusable(why: string): KnownError {
  return new KnownError(`The database cannot hold the ledger: ${why}.`, { code: 'LEDGER_UNUSABLE' });
}

/** What Postgres says when it does not let somebody in, and what is to be done. */
const ADVICE: Readonly<Record<string, string>> = {
  '28P01': 'the user or the password of DATABASE_URL is not right',
  '28000':
    'the server does not let this user in like this (pg_hba.conf): look at user, address and sslmode of DATABASE_URL',
  '3D000': 'there is no database of this name: create it, with this user as its owner',
  '42501': 'this user may not make tables in it: make the user its owner',
};

function inPlainWords(error: unknown, url: string): unknown {
  if (error instanceof KnownError) return error;
  const advice = ADVICE[systemCode(error) ?? ''];
  // The address itself holds the password.
  const said = (error instanceof Error ? error.message : String(error)).replaceAll(
    url,
    shownPostgresUrl(url),
  );
  return new KnownError(
    advice === undefined
      ? `The database could not be opened: ${said}`
      : `The database could not be opened: ${advice} (${said}).`,
    { code: 'LEDGER_UNUSABLE', cause: error },
  );
}
