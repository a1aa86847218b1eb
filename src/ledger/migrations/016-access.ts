import { type Kysely, type Migration, sql } from 'kysely';

/** Tokens with a name, of which only a digest is kept; and what was done by whom. */
export const access: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('access_tokens')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('name_key', 'text', (column) => column.notNull())
      .addColumn('role', 'text', (column) => column.notNull())
      .addColumn('digest', 'text', (column) => column.notNull().unique())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('created_by', 'text', (column) => column.notNull())
      .addColumn('expires_at_ms', 'bigint')
      .addColumn('last_used_at_ms', 'bigint')
      .addColumn('revoked_at_ms', 'bigint')
      .addColumn('revoked_by', 'text')
      .execute();
    await sql`create unique index access_tokens_one_of_a_name on access_tokens (name_key)
      where revoked_at_ms is null`.execute(db);

    await db.schema
      .createTable('audit')
      .addColumn('seq', 'bigint', (column) => column.primaryKey())
      .addColumn('merge_key', 'text', (column) => column.unique())
      .addColumn('at_ms', 'bigint', (column) => column.notNull())
      .addColumn('last_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('times', 'integer', (column) => column.notNull())
      .addColumn('who', 'text')
      .addColumn('who_key', 'text')
      .addColumn('role', 'text')
      .addColumn('way', 'text')
      .addColumn('session', 'text')
      .addColumn('caller', 'text', (column) => column.notNull())
      .addColumn('act', 'text', (column) => column.notNull())
      .addColumn('subject', 'text')
      .addColumn('outcome', 'text', (column) => column.notNull())
      .addColumn('status', 'integer')
      .execute();
    await db.schema.createIndex('audit_by_outcome').on('audit').columns(['outcome', 'seq']).execute();
    await db.schema.createIndex('audit_by_who').on('audit').columns(['who_key', 'seq']).execute();
  },
};
