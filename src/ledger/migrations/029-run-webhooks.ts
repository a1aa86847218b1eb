import { type Kysely, type Migration, sql } from 'kysely';

/** What whoever asks for a further run calls it, and where they want to hear of it; and where an announcement goes. */
export const runWebhooks: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('recordings').addColumn('reference', 'text').execute();
    await db.schema.alterTable('recordings').addColumn('webhook_url', 'text').execute();
    await db.schema.alterTable('deliveries').addColumn('url', 'text').execute();
    await sql`create index deliveries_to_runs on deliveries (state, seq) where url is not null`.execute(db);
  },
};
