import { type Kysely, type Migration, PostgresAdapter, sql } from 'kysely';

/** The machines that keep this ledger, and on which of them what a recording is made of lies. */
export const hosts: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('hosts')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('machine', 'text', (column) => column.notNull())
      .addColumn('address', 'text')
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('beats', 'bigint', (column) => column.notNull().defaultTo(0))
      .addColumn('seen_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('free_bytes', 'bigint')
      .addColumn('total_bytes', 'bigint')
      .addColumn('uploads', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('upload_bytes', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema
      .createTable('locks')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('holder', 'text', (column) => column.notNull())
      .addColumn('until_ms', 'bigint', (column) => column.notNull())
      .execute();
    // Whoever is at something when the database dies is so no longer, and nobody waits for the disk to say so.
    if (db.getExecutor().adapter instanceof PostgresAdapter)
      await sql`alter table locks set unlogged`.execute(db);
    await db.schema
      .createTable('ended_sessions')
      .addColumn('digest', 'text', (column) => column.primaryKey())
      .addColumn('ends_at_ms', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema.alterTable('recordings').addColumn('host', 'text').execute();
    await db.schema.alterTable('recordings').addColumn('origin_host', 'text').execute();
    await db.schema.alterTable('recordings').addColumn('is_bound', 'integer').execute();
    await sql`create index recordings_left_behind on recordings (origin_host) where host <> origin_host`.execute(
      db,
    );
    await sql`create index recordings_by_host on recordings (host, state) where host is not null`.execute(db);
  },
};
