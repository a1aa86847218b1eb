import type { Kysely, Migration } from 'kysely';

/** Which recordings a service has failed without saying itself that it is down. */
export const doubts: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('doubts')
      .addColumn('service', 'text', (column) => column.notNull())
      .addColumn('recording_id', 'text', (column) => column.notNull())
      .addColumn('at_ms', 'bigint', (column) => column.notNull())
      .addColumn('is_own', 'integer', (column) => column.notNull().defaultTo(0))
      .addPrimaryKeyConstraint('doubts_key', ['service', 'recording_id'])
      .execute();
  },
};
