import { once } from 'node:events';
import pg from 'pg';
import { openDatabase } from '../../src/ledger/database.ts';
import { startPostgres, type TestPostgres } from './postgres.ts';

/** Where the server of a run on Postgres tells its tests that it is: a database from which theirs are copied. */
const VARIABLE = 'TEST_POSTGRES_TEMPLATE';

let server: TestPostgres | undefined;

/** The set-up of a run whose ledgers all lie in Postgres: one server for all of it, and a ledger to copy. */
export async function setup(): Promise<void> {
  server = await startPostgres();
  const template = await server.create();
  const db = await openDatabase(template);
  await db.destroy();
  process.env[VARIABLE] = template;
}

export async function teardown(): Promise<void> {
  delete process.env[VARIABLE];
  await server?.stop();
}

export function isRunOnPostgres(): boolean {
  return process.env[VARIABLE] !== undefined;
}

let databases = 0;

/** The URL of a database of its own that holds a new ledger, or nothing at all. */
export async function createDatabase({ isEmpty = false }: { isEmpty?: boolean } = {}): Promise<string> {
  const template = process.env[VARIABLE] ?? '';
  databases += 1;
  const name = `ledger_${process.pid}_${databases}`;
  await asking(withDatabase(template, 'postgres'), (client) =>
    client.query(`create database ${name} template ${isEmpty ? 'template1' : nameOf(template)}`),
  );
  return withDatabase(template, name);
}

/** Every row of every table, by the table's name; but for the counters. */
export async function dumpDatabase(url: string): Promise<Record<string, unknown[]>> {
  return await asking(url, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `select table_name as name from information_schema.tables
        where table_schema = 'public' and table_name not like 'kysely%' and table_name <> 'counters' order by 1`,
    );
    const dump: Record<string, unknown[]> = {};
    for (const { name } of tables) {
      dump[name] = (await client.query<object>(`select * from "${name}" order by 1, 2`)).rows;
    }
    return dump;
  });
}

/** Does something over a connection of its own. */
export async function asking<T>(url: string, action: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    types: {
      getTypeParser: ((oid: number, format: 'text' | 'binary') =>
        oid === pg.types.builtins.INT8
          ? Number
          : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  });
  await client.connect();
  try {
    return await action(client);
  } finally {
    const ended = once(client, 'end');
    await client.end();
    await ended;
  }
}

const nameOf = (url: string) => /\/(\w+)\?/.exec(url)?.[1] ?? '';

const withDatabase = (url: string, name: string) => url.replace(/\/\w+\?/, `/${name}?`);
