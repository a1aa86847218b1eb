import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  RawNode,
  SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type Sqlite from 'libsql';
import { orMachineTrouble, systemCode } from '../../domain/errors.ts';

/** How long a change waits for another process that is writing, and how often it asks, in milliseconds. */
const WRITER_TIMEOUT_MS = 5000;
const WRITER_POLL_MS = 1;

/** How long a question waits, in milliseconds; only ever for another process that mends the log of one that has died. */
export const READER_TIMEOUT_MS = 5000;

/** How many statements are kept prepared. */
const MOST_STATEMENTS = 200;

/**
 * SQLite for Kysely, over one connection. Every change, also a single statement, asks for the right to write before it
 * begins, and if another process has it, asks again a moment later: this process goes on meanwhile, whereas SQLite's own
 * waiting would halt all of it. Raw statements are carried out as they are.
 *
 * A statement never waits by itself for a second reason: the binding does not reset one that was told `SQLITE_BUSY`, and
 * that one, until it is garbage, would keep later changes of its connection from being committed. `exec` leaves nothing
 * behind.
 *
 * What SQLite says of the machine (no room, a broken disk, others who write) is told in our words, and is nobody's fault.
 *
 * @param options.close Closes the connection
 */
export function createSqliteDialect(options: { sqlite: Sqlite.Database; close: () => void }): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => createDriver(options),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

function createDriver({ sqlite, close }: { sqlite: Sqlite.Database; close: () => void }): Driver {
  /** @throws KnownError `LEDGER_BUSY` if others have been writing for too long, or another trouble of the machine */
  async function begin(): Promise<void> {
    const deadlineMs = performance.now() + WRITER_TIMEOUT_MS;
    for (;;) {
      try {
        // What a broken disk has kept from being taken back would be in the way for ever.
        if (sqlite.inTransaction) sqlite.exec('rollback');
        sqlite.exec('pragma busy_timeout = 0; begin immediate');
        return;
      } catch (error) {
        waitAgain();
        if (!isBusy(error) || performance.now() > deadlineMs) throw orMachineTrouble(error);
      }
      await sleep(WRITER_POLL_MS);
    }
  }

  function end(how: 'commit' | 'rollback'): void {
    try {
      // SQLite itself takes back what a full disk has stopped.
      if (how === 'commit' || sqlite.inTransaction) sqlite.exec(how);
    } catch (error) {
      // What has failed before is the better reason; `begin` tries once more to take it back.
      if (how === 'commit') throw orMachineTrouble(error);
    } finally {
      waitAgain();
    }
  }

  function waitAgain(): void {
    sqlite.exec(`pragma busy_timeout = ${READER_TIMEOUT_MS}`);
  }

  async function change(query: CompiledQuery): Promise<QueryResult<unknown>> {
    await begin();
    try {
      const result = run(query);
      end('commit');
      return result;
    } catch (error) {
      end('rollback');
      throw error;
    }
  }

  const statements = new Map<string, Sqlite.Statement>();

  /** A statement is only kept if it has gone well. */
  function run({ sql, parameters }: CompiledQuery): QueryResult<unknown> {
    const known = statements.get(sql);
    statements.delete(sql);
    let statement: Sqlite.Statement;
    let result: QueryResult<unknown>;
    try {
      statement = known ?? sqlite.prepare(sql);
      result = carryOut(statement, parameters);
    } catch (error) {
      throw orMachineTrouble(error);
    }
    statements.set(sql, statement);
    const [oldest = sql] = statements.keys();
    if (statements.size > MOST_STATEMENTS) statements.delete(oldest);
    return result;
  }

  const connection: DatabaseConnection = {
    async executeQuery<Row>(query: CompiledQuery) {
      const { query: root } = query;
      const mayRun = sqlite.inTransaction || SelectQueryNode.is(root) || RawNode.is(root);
      return (mayRun ? run(query) : await change(query)) as QueryResult<Row>;
    },
    streamQuery() {
      throw new Error('rows are not streamed');
    },
  };

  let release = (): void => {};
  let freed: Promise<void> = Promise.resolve();
  return {
    async init() {},
    async acquireConnection() {
      const mine = freed;
      let free = (): void => {};
      freed = new Promise((resolve) => {
        free = resolve;
      });
      await mine;
      release = free;
      return connection;
    },
    async releaseConnection() {
      release();
    },
    beginTransaction: begin,
    async commitTransaction() {
      end('commit');
    },
    async rollbackTransaction() {
      end('rollback');
    },
    async destroy() {
      close();
    },
  };
}

function carryOut(statement: Sqlite.Statement, parameters: readonly unknown[]): QueryResult<unknown> {
  if (statement.reader) return { rows: statement.all(parameters) };
  const { changes } = statement.run(parameters);
  return { rows: [], numAffectedRows: BigInt(changes) };
}

/** Whether another process is in the way. */
export function isBusy(error: unknown): boolean {
  const code = systemCode(error) ?? '';
  return code === 'LEDGER_BUSY' || code.startsWith('SQLITE_BUSY');
}
