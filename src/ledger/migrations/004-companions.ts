import { type Kysely, type Migration, sql } from 'kysely';

/** What belongs to a video, what belongs together, where it goes, and what was left with Zoom. */
export const companions: Migration = {
  async up(db: Kysely<unknown>) {
    for (const [name, type, isRequired] of [
      ['kind', 'text', true],
      ['group_key', 'text', false],
      ['placement', 'text', false],
    ] as const) {
      await db.schema
        .alterTable('recordings')
        .addColumn(name, type, (column) => (isRequired ? column.notNull().defaultTo('video') : column))
        .execute();
    }
    await db.schema
      .createIndex('recordings_by_group')
      .on('recordings')
      .columns(['group_key', 'seq'])
      .execute();
    await sql`update recordings set group_key = 'zoom:' || json_extract(details, '$.meeting_uuid') where source = 'zoom'`.execute(
      db,
    );

    await db.schema
      .createTable('zoom_ignored')
      .addColumn('key', 'text', (column) => column.primaryKey())
      .addColumn('seq', 'bigint', (column) => column.notNull())
      .addColumn('first_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('last_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('times', 'integer', (column) => column.notNull())
      .addColumn('account_id', 'text')
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('why', 'text', (column) => column.notNull())
      .addColumn('rule', 'text')
      .addColumn('event', 'text', (column) => column.notNull())
      .addColumn('what', 'text', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('zoom_ignored_by_seq').on('zoom_ignored').column('seq').execute();
  },
};
