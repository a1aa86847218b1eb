import type { Kysely, Migration } from 'kysely';

/** How each attempt at an announcement went. */
export const deliveryAttempts: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('delivery_attempts')
      .addColumn('delivery_id', 'text', (column) => column.notNull())
      .addColumn('at_ms', 'bigint', (column) => column.notNull())
      .addColumn('took_ms', 'integer', (column) => column.notNull())
      .addColumn('status', 'integer')
      .addColumn('answer', 'text')
      .addColumn('error', 'text')
      .execute();
    await db.schema
      .createIndex('delivery_attempts_by_delivery')
      .on('delivery_attempts')
      .columns(['delivery_id', 'at_ms'])
      .execute();
  },
};
