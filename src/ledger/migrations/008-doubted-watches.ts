import type { Kysely, Migration } from 'kysely';

/** How often, and since when, Bunny has not known a watched video. */
export const doubtedWatches: Migration = {
  async up(db: Kysely<unknown>) {
    const watches = () => db.schema.alterTable('watches');
    await watches()
      .addColumn('missing_looks', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
    await watches()
      .addColumn('missing_since_ms', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
