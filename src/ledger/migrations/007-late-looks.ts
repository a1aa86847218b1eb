import type { Kysely, Migration } from 'kysely';

/** What was asked of services and may still take effect. */
export const lateLooks: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('late_looks')
      .addColumn('recording_id', 'text', (column) => column.notNull().references('recordings.id'))
      .addColumn('service', 'text', (column) => column.notNull())
      .addColumn('place', 'text', (column) => column.notNull())
      .addColumn('asked', 'integer', (column) => column.notNull())
      .addColumn('looks', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('not_before_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('late_looks_key', ['recording_id', 'service', 'place'])
      .execute();
  },
};
