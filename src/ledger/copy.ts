import { createHash } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { KnownError } from '../domain/errors.ts';
import { pause } from '../lib/abort.ts';
import { wallMs } from '../lib/wall-time.ts';
import { change } from './change.ts';
import { type Database, isPostgres, openDatabase } from './database.ts';
import type { Tables } from './schema.ts';

type Row = Readonly<Record<string, unknown>>;

/** How many rows are read and written at once. */
const PAGE_ROWS = 200;

/** Postgres takes so many values in one statement. */
const MOST_VALUES = 60_000;

/** After which nobody who runs can have been silent, unless it hangs, in milliseconds. */
const LONG_AGO_MS = 86_400_000;

/** Signs of life: of those who wrote where it was. */
const LEFT_BEHIND: readonly string[] = ['heartbeats'];

/** Of these a ledger has rows before anything has come, or none that anybody would miss. */
const OF_ANY_LEDGER: readonly string[] = [
  'gate',
  'clock',
  'counters',
  'circuits',
  'positions',
  'switches',
  'tallies',
];

/** A table as it was copied, and found again in the other ledger. */
export interface CopiedTable {
  readonly name: string;
  readonly rows: number;
}

/**
 * Copies a ledger into another one, which is new or has not been used: all of it or nothing. Each table is read again there,
 * and has to hold the same rows. Nobody can change the ledger meanwhile; it stays as it is.
 *
 * @param options.from, options.to The path of a file, or the URL of a Postgres database
 * @param options.beatEveryMs How often a process that runs writes its sign of life
 * @param options.onTable Is told of each table as its rows are copied
 * @throws KnownError `LEDGER_IN_USE` if processes write to one of the two; `LEDGER_UNUSABLE`, `LEDGER_AWAY`
 */
export async function copyLedger(options: {
  readonly from: string;
  readonly to: string;
  readonly beatEveryMs: number;
  readonly signal: AbortSignal;
  readonly onTable?: (name: string, rows: number) => void;
  /** Is called if it has to be seen first whether somebody still writes, with how long that takes. */
  readonly onLook?: (ms: number) => void;
}): Promise<readonly CopiedTable[]> {
  const { signal, onTable = () => {} } = options;
  const from = await openDatabase(options.from);
  try {
    const to = await openDatabase(options.to);
    try {
      await Promise.all([requireStopped(from, options), requireStopped(to, options), requireUnused(to)]);
      const names = await tablesOf(from);
      return await change(from, (source) =>
        change(to, async (target) => {
          // While one of the two is read whole the other has nothing to do.
          await letRest(source);
          await letRest(target);
          for (const name of names.toReversed()) await target.deleteFrom(name).execute();
          const copied: CopiedTable[] = [];
          for (const name of names) {
            const sent = createTally();
            const asKept = isPostgres(to) ? await keeping(to, name) : (row: Row) => row;
            for await (const page of pagesOf(source, name)) {
              signal.throwIfAborted();
              const rows = page.map(asKept);
              for (const row of rows) sent.add(row);
              await insert(target, name, rows);
              onTable(name, sent.rows());
            }
            await requireSame(target, name, sent);
            copied.push({ name, rows: sent.rows() });
          }
          return copied;
        }),
      );
    } finally {
      await to.destroy();
    }
  } finally {
    await from.destroy();
  }
}

/** Has the server not take a change for that of a process which has gone silent. */
async function letRest(trx: Transaction<Tables>): Promise<void> {
  if (isPostgres(trx)) await sql`set local idle_in_transaction_session_timeout = 0`.execute(trx);
}

/** A sum over rows that is the same in whatever order they come. */
function createTally() {
  let count = 0;
  let sum = 0n;
  return {
    add(row: Row): void {
      const columns = Object.keys(row).sort();
      const digest = createHash('sha256').update(
        JSON.stringify(columns.map((column) => [column, row[column]])),
      );
      sum = BigInt.asUintN(256, sum + BigInt(`0x${digest.digest('hex')}`));
      count += 1;
    },
    rows: () => count,
    sum: () => sum,
  };
}

async function requireSame(
  target: Transaction<Tables>,
  name: keyof Tables,
  sent: ReturnType<typeof createTally>,
): Promise<void> {
  const found = createTally();
  for await (const page of pagesOf(target, name)) for (const row of page) found.add(row);
  if (found.rows() === sent.rows() && found.sum() === sent.sum()) return;
  throw new KnownError(
    `Of the table ${name} ${sent.rows()} rows were copied, and ${found.rows()} found that are not all the same: nothing is kept of the copy.`,
    { code: 'LEDGER_UNUSABLE' },
  );
}

/** Recordings come first, since others name them. */
async function tablesOf(db: Database): Promise<(keyof Tables)[]> {
  const names = (await db.introspection.getTables())
    .map(({ name }) => name)
    .filter((name) => !LEFT_BEHIND.includes(name) && !name.startsWith('sqlite_'));
  return ['recordings', ...names.filter((name) => name !== 'recordings').sort()] as (keyof Tables)[];
}

async function* pagesOf(trx: Transaction<Tables>, name: keyof Tables): AsyncGenerator<Row[]> {
  yield* isPostgres(trx) ? fetched(trx, name) : byRowId(trx, name);
}

async function* fetched(trx: Transaction<Tables>, name: keyof Tables): AsyncGenerator<Row[]> {
  await sql`declare copied no scroll cursor for select * from ${sql.table(name)}`.execute(trx);
  for (;;) {
    const { rows } = await sql<Row>`fetch ${sql.lit(PAGE_ROWS)} from copied`.execute(trx);
    if (rows.length === 0) break;
    yield rows;
  }
  await sql`close copied`.execute(trx);
}

async function* byRowId(trx: Transaction<Tables>, name: keyof Tables): AsyncGenerator<Row[]> {
  for (let last = 0; ; ) {
    const { rows } = await sql<
      Row & { 'rowid of it': number }
    >`select rowid as ${sql.ref('rowid of it')}, * from ${sql.table(name)}
      where rowid > ${last} order by rowid limit ${sql.lit(PAGE_ROWS)}`.execute(trx);
    if (rows.length === 0) return;
    last = Number(rows.at(-1)?.['rowid of it']);
    yield rows.map(({ 'rowid of it': _, ...row }) => row);
  }
}

async function insert(trx: Transaction<Tables>, name: keyof Tables, rows: readonly Row[]): Promise<void> {
  const atOnce = Math.max(1, Math.floor(MOST_VALUES / Math.max(1, Object.keys(rows[0] ?? {}).length)));
  for (let at = 0; at < rows.length; at += atOnce) {
    const values = rows.slice(at, at + atOnce).map(withFractionsAsText);
    await trx
      .insertInto(name)
      .values(values as never)
      .execute();
  }
}

/** As the dialect of Postgres wants them; a file makes a number of them again. */
function withFractionsAsText(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      typeof value === 'number' && !Number.isInteger(value) ? String(value) : value,
    ]),
  );
}

/** Makes of a row what Postgres keeps of it: whole numbers, but in the columns that are for others. */
async function keeping(to: Database, name: string): Promise<(row: Row) => Row> {
  const table = (await to.introspection.getTables()).find((each) => each.name === name);
  const fractions = new Set(
    table?.columns.filter(({ dataType }) => dataType === 'float8').map((column) => column.name),
  );
  const kept = (column: string, value: unknown) =>
    typeof value === 'number' && !fractions.has(column) ? Math.round(value) : value;
  return (row) =>
    Object.fromEntries(Object.entries(row).map(([column, value]) => [column, kept(column, value)]));
}

/** Who runs writes a sign of life again and again, whatever the clocks say. */
async function requireStopped(
  db: Database,
  options: {
    readonly beatEveryMs: number;
    readonly signal: AbortSignal;
    readonly onLook?: (ms: number) => void;
  },
): Promise<void> {
  const ms = 2 * options.beatEveryMs;
  const look = () => db.selectFrom('heartbeats').select(['app', 'beats', 'at_ms']).execute();
  const before = await look();
  if (before.every(({ at_ms }) => Math.abs(wallMs() - Number(at_ms)) > LONG_AGO_MS)) return;
  options.onLook?.(ms);
  await pause(ms, options.signal);
  const beats = new Map(before.map(({ app, beats }) => [app, Number(beats)]));
  const running = (await look()).filter((row) => beats.get(row.app) !== Number(row.beats));
  if (running.length === 0) return;
  throw new KnownError(
    `${running.map(({ app }) => app).join(', ')} still write${running.length === 1 ? 's' : ''} to the ledger: stop Sluice first, on every host (npx pm2 stop all, or Ctrl+C), and copy then.`,
    { code: 'LEDGER_IN_USE' },
  );
}

async function requireUnused(db: Database): Promise<void> {
  for (const name of await tablesOf(db)) {
    if (OF_ANY_LEDGER.includes(name)) continue;
    const { rows } = await sql`select 1 from ${sql.table(name)} limit 1`.execute(db);
    if (rows.length > 0) {
      throw new KnownError(
        `The ledger to copy to is in use already (its table ${name} has rows): name a new database, or a file that is not there yet.`,
        { code: 'LEDGER_UNUSABLE' },
      );
    }
  }
}
