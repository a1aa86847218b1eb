import { type Kysely, sql } from 'kysely';

/** Steps say of which task they are, recordings which way they go. */
export const recipes = {
  // biome-ignore lint/suspicious/noExplicitAny: a released step does not follow later changes of the tables' types
  async up(db: Kysely<any>) {
    await db.schema
      .createTable('plans')
      .addColumn('key', 'text', (column) => column.primaryKey())
      .addColumn('plan', 'text', (column) => column.notNull())
      .execute();
    await db.schema.alterTable('recordings').addColumn('plan_key', 'text').execute();
    await db.schema.alterTable('stages').addColumn('task', 'text').execute();
    await sql`update stages set task = stage`.execute(db);
  },
};
