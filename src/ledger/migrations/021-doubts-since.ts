import { type Kysely, type Migration, sql } from 'kysely';

/** Since when a service has failed a recording without a break. */
export const doubtsSince: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('doubts')
      .addColumn('since_ms', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await sql`update doubts set since_ms = at_ms`.execute(db);
  },
};
