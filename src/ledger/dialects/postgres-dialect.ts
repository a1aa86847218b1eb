import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  RawNode,
  SelectQueryNode,
} from 'kysely';
import type { QueryResult as Answer, Pool, PoolClient } from 'pg';
import { isAway, orDatabaseTrouble } from './postgres-errors.ts';

/**
 * The advisory lock that every change holds until it ends. Whoever changes the ledger so is alone with it, as with a file of
 * SQLite: numbers rise in the order in which changes are committed, and what was read is still so when it is acted upon.
 */
const WRITERS_LOCK = 7_822_423;

/**
 * Postgres for Kysely, over a pool of connections. Questions are asked side by side; every change, also a single statement,
 * waits for its turn. Raw statements are carried out as they are.
 *
 * What Postgres says of itself (away, failing over, no room, busy) is told in our words, and is nobody's fault.
 *
 * @param onClose Called before the connections are closed
 */
export function createPostgresDialect(pool: Pool, onClose: () => void): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => createDriver(pool, onClose),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

interface Connection extends DatabaseConnection {
  begin(): Promise<void>;
  /** Says how the transaction really ended: one in which something has failed is never committed. */
  end(how: 'commit' | 'rollback'): Promise<void>;
  release(): void;
}

function createDriver(pool: Pool, onClose: () => void): Driver {
  return {
    async init() {},
    async acquireConnection() {
      try {
        return wrap(await pool.connect());
      } catch (error) {
        throw orDatabaseTrouble(error);
      }
    },
    async releaseConnection(connection) {
      (connection as Connection).release();
    },
    beginTransaction: (connection) => (connection as Connection).begin(),
    commitTransaction: (connection) => (connection as Connection).end('commit'),
    rollbackTransaction: (connection) => (connection as Connection).end('rollback'),
    async destroy() {
      onClose();
      await pool.end();
    },
  };
}

function wrap(client: PoolClient): Connection {
  let isChanging = false;
  /** What has become unusable is not lent again. */
  let isBroken = false;
  // A connection that ends while it is lent says so here as well as to whoever is asking.
  const onError = () => {
    isBroken = true;
  };
  client.on('error', onError);

  async function ask(text: string, values: readonly unknown[] = []) {
    try {
      const answer = await (values.length === 0
        ? client.query(text)
        : client.query({ text, values: values.map(storable) }));
      // Several statements in one text are answered by as many results.
      return Array.isArray(answer) ? (answer.at(-1) as Answer) : answer;
    } catch (error) {
      isBroken ||= isAway(error);
      throw orDatabaseTrouble(error);
    }
  }

  async function begin(): Promise<void> {
    try {
      await ask(`begin; select pg_advisory_xact_lock(${WRITERS_LOCK})`);
      isChanging = true;
    } catch (error) {
      await end('rollback');
      throw error;
    }
  }

  async function end(how: 'commit' | 'rollback'): Promise<void> {
    isChanging = false;
    if (isBroken && how === 'rollback') return;
    try {
      const { command } = await ask(how);
      if (how === 'commit' && command !== 'COMMIT')
        throw new Error(`Postgres answered ${command} to a commit`);
    } catch (error) {
      // What it would take back is gone with the connection.
      isBroken = true;
      if (how === 'commit') throw error;
    }
  }

  async function run({ sql, parameters }: CompiledQuery): Promise<QueryResult<unknown>> {
    const { rows, rowCount, command } = await ask(sql, parameters);
    return { rows, ...(command === 'SELECT' ? {} : { numAffectedRows: BigInt(rowCount ?? 0) }) };
  }

  async function change(query: CompiledQuery): Promise<QueryResult<unknown>> {
    await begin();
    try {
      const result = await run(query);
      await end('commit');
      return result;
    } catch (error) {
      if (isChanging) await end('rollback');
      throw error;
    }
  }

  return {
    async executeQuery<Row>(query: CompiledQuery) {
      const { query: root } = query;
      const mayRun = isChanging || SelectQueryNode.is(root) || RawNode.is(root);
      return (mayRun ? await run(query) : await change(query)) as QueryResult<Row>;
    },
    streamQuery() {
      throw new Error('rows are not streamed');
    },
    begin,
    end,
    release() {
      client.off('error', onError);
      client.release(isBroken);
    },
  };
}

/**
 * Postgres keeps no text with a NUL in it, and no fraction in a whole number, which all those of the ledger are but for a few, which
 * are given as text.
 */
function storable(value: unknown): unknown {
  if (typeof value === 'number') return Math.round(value);
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
}
