import type { Kysely, Migration } from 'kysely';

/**
 * What Zoom has said of files that were removed or are back, for those whose own event comes later; and since when somebody
 * wants what was left with Zoom.
 */
export const zoomRemovals: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('zoom_removals')
      .addColumn('group_key', 'text', (column) => column.notNull())
      .addColumn('file_id', 'text', (column) => column.notNull())
      .addColumn('seq', 'bigint', (column) => column.notNull().unique())
      .addColumn('how', 'text', (column) => column.notNull())
      .addColumn('at_ms', 'bigint', (column) => column.notNull())
      .addColumn('operator', 'text')
      .addPrimaryKeyConstraint('zoom_removals_key', ['group_key', 'file_id'])
      .execute();
    await db.schema.alterTable('zoom_ignored').addColumn('wanted_at_ms', 'bigint').execute();
  },
};
