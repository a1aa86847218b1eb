import { type Kysely, sql } from 'kysely';

/** The tables whose rows are numbered, and by which column. */
const NUMBERED = [
  ['recordings', 'seq'],
  ['events', 'seq'],
  ['deliveries', 'seq'],
  ['watches', 'seq'],
  ['zoom_trash', 'seq'],
  ['zoom_ignored', 'seq'],
  ['zoom_removals', 'seq'],
  ['audit', 'seq'],
  ['alarms', 'id'],
  ['alarm_messages', 'id'],
  ['access_tokens', 'id'],
] as const;

/** The number that was given last in each table, kept by itself. */
export const counters = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('counters')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('n', 'bigint', (column) => column.notNull())
      .execute();
    for (const [table, column] of NUMBERED) {
      await sql`insert into counters (name, n)
        select ${sql.lit(table)}, coalesce(max(${sql.ref(column)}), 0) from ${sql.table(table)}`.execute(db);
    }
  },
};
