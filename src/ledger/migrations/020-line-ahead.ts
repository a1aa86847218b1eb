import { type Kysely, type Migration, sql } from 'kysely';

/** How much waits, told from an index alone, however much that is. */
export const lineAhead: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`create index recordings_ahead on recordings (not_before_ms, kind, bytes) where state = 'waiting'`.execute(
      db,
    );
  },
};
