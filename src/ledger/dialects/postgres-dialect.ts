import type { Writable } from 'node:stream';
import {
  type BinaryOperationNode,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  OperatorNode,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  PrimitiveValueListNode,
  type QueryResult,
  RawNode,
  SelectQueryNode,
  ValueListNode,
} from 'kysely';
import type { QueryResult as Answer, Pool, PoolClient } from 'pg';
import { systemCode } from '../../domain/errors.ts';
import type { AtOnce } from './at-once.ts';
import { isAway, orDatabaseTrouble } from './postgres-errors.ts';

/**
 * The advisory lock that every change holds until it ends. Whoever changes the ledger so is alone with it, as with a file of
 * SQLite: numbers rise in the order in which changes are committed, and what was read is still so when it is acted upon.
 */
const WRITERS_LOCK = 7_822_423;

const BEGIN = `begin; select pg_advisory_xact_lock(${WRITERS_LOCK})`;

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
    createQueryCompiler: () => new Compiler(),
  };
}

/** Statements in one change, and in one exchange, over the connections of a pool that sends without waiting for answers. */
export function createAtOnce(pool: Pool): AtOnce {
  return async (queries) => {
    const connection = await connect(pool);
    try {
      return await connection.atOnce(queries);
    } finally {
      connection.release();
    }
  };
}

async function connect(pool: Pool): Promise<Connection> {
  try {
    return wrap(await pool.connect());
  } catch (error) {
    throw orDatabaseTrouble(error);
  }
}

/** Takes a list with nothing in it, as SQLite does, without going through each statement for that beforehand. */
class Compiler extends PostgresQueryCompiler {
  protected override visitBinaryOperation(node: BinaryOperationNode): void {
    const { operator, rightOperand } = node;
    const isEmpty =
      (PrimitiveValueListNode.is(rightOperand) || ValueListNode.is(rightOperand)) &&
      rightOperand.values.length === 0;
    const which = OperatorNode.is(operator) ? operator.operator : undefined;
    if (isEmpty && (which === 'in' || which === 'not in')) this.append(which === 'in' ? 'false' : 'true');
    else super.visitBinaryOperation(node);
  }
}

interface Connection extends DatabaseConnection {
  atOnce: AtOnce;
  begin(): Promise<void>;
  /** Says how the transaction really ended: one in which something has failed is never committed. */
  end(how: 'commit' | 'rollback'): Promise<void>;
  release(): void;
}

function createDriver(pool: Pool, onClose: () => void): Driver {
  return {
    async init() {},
    acquireConnection: () => connect(pool),
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

/** How many statements of a process are prepared at most. */
const MOST_PREPARED = 200;

const names = new Map<string, string>();

/** What is said of them by a pool between here and the server that lends each change another connection (26000, 42P05). */
const NAME_TROUBLE: readonly (string | undefined)[] = ['26000', '42P05'];
let mayName = true;

/**
 * The name of a statement that comes again and again and whose way is the same for all values: the server reads and plans it once
 * for each connection. One that asks for all columns may have none: it may not give back others once a newer version has added some.
 */
function nameOf(text: string): string | undefined {
  if (!mayName) return undefined;
  if (!names.has(text) && names.size < MOST_PREPARED) names.set(text, `s${names.size + 1}`);
  return names.get(text);
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

  async function ask(text: string, values: readonly unknown[] = [], name?: string) {
    try {
      const answer = await (values.length === 0
        ? client.query(text)
        : client.query({ text, name, values: values.map(storable) }));
      // Several statements in one text are answered by as many results.
      return Array.isArray(answer) ? (answer.at(-1) as Answer) : answer;
    } catch (error) {
      isBroken ||= isAway(error);
      if (NAME_TROUBLE.includes(systemCode(error))) mayName = false;
      throw orDatabaseTrouble(error);
    }
  }

  async function begin(): Promise<void> {
    try {
      await ask(BEGIN);
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
      if (how === 'commit') requireCommitted(command);
    } catch (error) {
      // What it would take back is gone with the connection.
      isBroken = true;
      if (how === 'commit') throw error;
    }
  }

  async function run({ sql, parameters }: CompiledQuery): Promise<QueryResult<unknown>> {
    return toResult(await ask(sql, parameters));
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

  /** All are on their way before the first is answered; where one fails, the server carries out none of them. */
  async function atOnce(queries: readonly CompiledQuery[]): Promise<readonly QueryResult<unknown>[]> {
    const answers = await inOneGo(client, () =>
      Promise.allSettled([
        ask(BEGIN),
        ...queries.map(({ sql, parameters }) => ask(sql, parameters, nameOf(sql))),
        ask('commit'),
      ]),
    );
    const failed = answers.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') {
      // Whether it was committed is not known of a connection that has ended.
      isBroken ||= answers.at(-1)?.status === 'rejected';
      throw failed.reason;
    }
    const told = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    requireCommitted(told.at(-1)?.command);
    return told.slice(1, -1).map(toResult);
  }

  return {
    atOnce,
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

function toResult({ rows, rowCount, command }: Answer): QueryResult<unknown> {
  return { rows, ...(command === 'SELECT' ? {} : { numAffectedRows: BigInt(rowCount ?? 0) }) };
}

function requireCommitted(command: string | undefined): void {
  if (command !== 'COMMIT') throw new Error(`Postgres answered ${command} to a commit`);
}

/** Has what is asked meanwhile leave for the server as one. */
function inOneGo<T>(client: PoolClient, asking: () => Promise<T>): Promise<T> {
  const { stream } = (client as unknown as { connection: { stream: Writable } }).connection;
  stream.cork();
  try {
    return asking();
  } finally {
    stream.uncork();
  }
}

/**
 * Postgres keeps no text with a NUL in it, and no fraction in a whole number, which all those of the ledger are but for a few, which
 * are given as text.
 */
function storable(value: unknown): unknown {
  if (typeof value === 'number') return Math.round(value);
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
}
