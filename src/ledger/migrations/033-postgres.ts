import { type Kysely, type Migration, PostgresAdapter, sql } from 'kysely';

/**
 * Postgres takes no entry of an index that is longer than 2,704 bytes, and some texts are as long as anybody likes. What is
 * one of a kind by such a text is so by its id as well, which is made of it.
 */
export const postgres: Migration = {
  async up(db: Kysely<unknown>) {
    if (!(db.getExecutor().adapter instanceof PostgresAdapter)) return;
    await sql`alter table recordings drop constraint recordings_natural_key_key`.execute(db);
    await sql`drop index recordings_by_title`.execute(db);
    await sql`drop index recordings_listed`.execute(db);
    await sql`create index recordings_listed on recordings (seq, state, source, accepted_at_ms)`.execute(db);
  },
};
