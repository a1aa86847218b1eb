import type { Kysely, Migration } from 'kysely';

/** Workers elsewhere that come for their work, and which of them has what was handed over. */
export const remoteWorkers: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('remote_workers')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('name_key', 'text', (column) => column.notNull())
      .addColumn('digest', 'text', (column) => column.notNull().unique())
      .addColumn('tasks', 'text', (column) => column.notNull())
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('machine', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('registered_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('seen_at_ms', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('worker_invitations')
      .addColumn('digest', 'text', (column) => column.primaryKey())
      .addColumn('created_by', 'text', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
      .execute();
    for (const name of ['task', 'offer', 'taken_by']) {
      await db.schema.alterTable('handed_over').addColumn(name, 'text').execute();
    }
  },
};
