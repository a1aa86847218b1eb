import type { Kysely, Migration } from 'kysely';

/** Leases by a clock that nobody sets, and how far the wall clock is from it. */
export const steadyClock: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('gate')
      .addColumn('clock_id', 'text', (column) => column.notNull().defaultTo(''))
      .execute();
    for (const name of ['expires_steady_ms', 'lease_ms']) {
      await db.schema
        .alterTable('gate')
        .addColumn(name, 'bigint', (column) => column.notNull().defaultTo(0))
        .execute();
    }
    await db.schema
      .createTable('clock')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('clock_id', 'text', (column) => column.notNull())
      .addColumn('offset_ms', 'bigint', (column) => column.notNull())
      .addColumn('seen_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('moved_steady_ms', 'bigint')
      .execute();
  },
};
