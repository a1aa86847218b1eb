import { type Kysely, type Migration, sql } from 'kysely';

/** What waits and what has failed, by its cause, as quick with many recordings as with few. */
export const causes: Migration = {
  async up(db: Kysely<unknown>) {
    // In the very words in which it is asked for: an index on an expression serves no other spelling of it.
    await sql`create index recordings_by_cause on recordings
      (state, (last_error ->> 'code'), (last_error ->> 'service'), not_before_ms, ended_at_ms, seq)`.execute(
      db,
    );
  },
};
