import type { Kysely, Migration } from 'kysely';

/** What operators do once a recording is home: rename it, publish it again, delete it. */
export const afterDone: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('recordings').addColumn('is_renamed', 'integer').execute();
    await db.schema.alterTable('recordings').addColumn('earlier_videos', 'text').execute();
    await db.schema.alterTable('recordings').addColumn('kept_stages', 'text').execute();
    await db.schema
      .createTable('renames')
      .addColumn('recording_id', 'text', (column) => column.primaryKey().references('recordings.id'))
      .addColumn('looks', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('not_before_ms', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
