import type { Kysely, Migration } from 'kysely';

/** Steps that were handed over to programs elsewhere, and what those have said of them. */
export const handedOver: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('handed_over')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('recording_id', 'text', (column) => column.notNull().references('recordings.id'))
      .addColumn('step', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('has_begun', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('ref', 'text')
      .addColumn('token_hash', 'text', (column) => column.notNull())
      .addColumn('files_hash', 'text', (column) => column.notNull())
      .addColumn('files', 'text', (column) => column.notNull())
      .addColumn('heard_count', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('done_s', 'double precision', (column) => column.notNull().defaultTo(0))
      .addColumn('total_s', 'double precision', (column) => column.notNull().defaultTo(0))
      .addColumn('end', 'text')
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('handed_over_by_step')
      .on('handed_over')
      .columns(['recording_id', 'step'])
      .execute();
  },
};
