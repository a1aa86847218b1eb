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
import { keepLast } from '../../lib/keep-last.ts';

/** How long a change waits for another process that is writing, and how often it asks, in milliseconds. */
const WRITER_TIMEOUT_MS = 5000;
const WRITER_POLL_MS = 1;

/** How long a question waits, in milliseconds; only ever for another process that mends the log of one that has died. */
export const READER_TIMEOUT_MS = 5000;

/** How many statements are kept prepared. */
const MOST_STATEMENTS = 200;

/**
 * SQLite for Kysely, over one connection that changes, one change after the other, and one that answers questions: these wait for no
 * change, and see what has been committed before they are asked. Every change, also a single statement, asks for the right to write before it
 * begins, and if another process has it, asks again a moment later: this process goes on meanwhile, whereas SQLite's own
 * waiting would halt all of it. Raw statements are carried out as they are.
 *
 * A statement never waits by itself for a second reason: the binding does not reset one that was told `SQLITE_BUSY`, and
 * that one, until it is garbage, would keep later changes of its connection from being committed. `exec` leaves nothing
 * behind.
 *
 * What SQLite says of the machine (no room, a broken disk, others who write) is told in our words, and is nobody's fault.
 *
 * @param options.reader The second connection, which has the same file open; without one questions wait for changes too
 * @param options.close Closes them
 */
export function createSqliteDialect(options: SqliteOptions): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => createDriver(options),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

interface SqliteOptions {
  readonly sqlite: Sqlite.Database;
  readonly reader?: Sqlite.Database;
  close(): void;
}

function createDriver({ sqlite, reader, close }: SqliteOptions): Driver {
  const changes = createRunner(sqlite);
  const questions = reader && createRunner(reader);
  let release = (): void => {};
  let freed: Promise<void> = Promise.resolve();
  let isTaken = false;

  /** Waits for the connection that changes; `leave` gives it to whoever is next. */
  async function take(): Promise<void> {
    const mine = freed;
    let free = (): void => {};
    freed = new Promise((resolve) => {
      free = resolve;
    });
    await mine;
    isTaken = true;
    release = free;
  }

  function leave(): void {
    isTaken = false;
    release();
  }

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
      const result = changes.run(query);
      end('commit');
      return result;
    } catch (error) {
      end('rollback');
      throw error;
    }
  }

  async function runAlone(query: CompiledQuery): Promise<QueryResult<unknown>> {
    const { query: root } = query;
    const isQuestion = SelectQueryNode.is(root);
    // Who has begun a transaction by hand, as migrations are made, asks for what is in it.
    const isBegunByHand = sqlite.inTransaction && !isTaken;
    if (isQuestion && questions !== undefined && !isBegunByHand) return questions.run(query);
    await take();
    try {
      const mayRun = sqlite.inTransaction || isQuestion || RawNode.is(root);
      return mayRun ? changes.run(query) : await change(query);
    } finally {
      leave();
    }
  }

  return {
    async init() {},
    async acquireConnection() {
      return new Connection(changes.run, runAlone);
    },
    async releaseConnection(connection) {
      // One that was given up in the middle.
      if ((connection as Connection).isInTransaction) {
        end('rollback');
        over(connection);
      }
    },
    async beginTransaction(connection) {
      await take();
      try {
        await begin();
      } catch (error) {
        leave();
        throw error;
      }
      (connection as Connection).isInTransaction = true;
    },
    async commitTransaction(connection) {
      end('commit');
      over(connection);
    },
    async rollbackTransaction(connection) {
      end('rollback');
      over(connection);
    },
    async destroy() {
      close();
    },
  };

  function over(connection: DatabaseConnection): void {
    (connection as Connection).isInTransaction = false;
    leave();
  }
}

/** What Kysely asks by: whoever is in a transaction has the connection that changes to themselves. */
class Connection implements DatabaseConnection {
  isInTransaction = false;
  readonly #run: Run;
  readonly #runAlone: (query: CompiledQuery) => Promise<QueryResult<unknown>>;

  constructor(run: Run, runAlone: (query: CompiledQuery) => Promise<QueryResult<unknown>>) {
    this.#run = run;
    this.#runAlone = runAlone;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const result = this.isInTransaction ? this.#run(query) : await this.#runAlone(query);
    return result as QueryResult<Row>;
  }

  // biome-ignore lint/correctness/useYield: no rows are streamed
  async *streamQuery(): AsyncGenerator<never> {
    throw new Error('rows are not streamed');
  }
}

type Run = (query: CompiledQuery) => QueryResult<unknown>;

/** Carries statements out, and keeps those prepared that have gone well. */
function createRunner(sqlite: Sqlite.Database): { readonly run: Run } {
  const statements = new Map<string, Sqlite.Statement>();
  return {
    run({ sql, parameters }) {
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
      keepLast(statements, sql, statement, MOST_STATEMENTS);
      return result;
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
