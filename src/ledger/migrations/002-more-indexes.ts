import { type Kysely, type Migration, sql } from 'kysely';

/** Keeps what the sweeper and the tus server ask for as quick with many recordings as with few. */
export const moreIndexes: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createIndex('recordings_by_acceptance')
      .on('recordings')
      .column('accepted_at_ms')
      .execute();
    // Only what is not proved yet, which is little however long the history.
    await sql`create index stages_unproved on stages (stage) where fact is null`.execute(db);
  },
};
