import { type Kysely, type Migration, sql } from 'kysely';

/** Files below MEDIA_IN that are known by their place there: how each was when it was registered, and what people say of it. */
export const assets: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('assets')
      .addColumn('recording_id', 'text', (column) => column.primaryKey().references('recordings.id'))
      .addColumn('seq', 'bigint', (column) => column.notNull().unique())
      .addColumn('bytes', 'bigint', (column) => column.notNull())
      .addColumn('mark', 'text', (column) => column.notNull())
      .addColumn('stem_key', 'text', (column) => column.notNull())
      .addColumn('comments', 'text', (column) => column.notNull().defaultTo(''))
      .execute();
    await db.schema.createIndex('assets_by_stem').on('assets').column('stem_key').execute();
    await sql`create index recordings_jobs on recordings (seq) where source = 'library' and run_of is not null`.execute(
      db,
    );
  },
};
