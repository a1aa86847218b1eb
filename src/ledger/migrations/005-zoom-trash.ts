import type { Kysely, Migration } from 'kysely';

/** The files of Zoom that are to go to Zoom's trash once they are home. */
export const zoomTrash: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('zoom_trash')
      .addColumn('recording_id', 'text', (column) => column.primaryKey().references('recordings.id'))
      .addColumn('seq', 'bigint', (column) => column.notNull().unique())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('looks', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('last_error', 'text')
      .addColumn('not_before_ms', 'bigint', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('zoom_trash_by_state').on('zoom_trash').columns(['state', 'seq']).execute();
  },
};
