import type { Kysely, Migration } from 'kysely';
import type { Tables } from '../schema.ts';
import { searchText } from '../search-text.ts';

/** How many recordings are read at once. */
const BATCH = 1000;

/** What searches look through holds topics, hosts and file names as well. */
export const searchWords: Migration = {
  async up(db: Kysely<Tables>) {
    for (let after = 0; ; ) {
      const rows = await db
        .selectFrom('recordings')
        .select(['id', 'seq', 'source', 'title', 'ace_id', 'details', 'origin', 'search'])
        .where('seq', '>', after)
        .orderBy('seq')
        .limit(BATCH)
        .execute();
      for (const { id, source, title, ace_id: aceId, details, origin, search: before } of rows) {
        const search = searchText({
          ...{ id, title, aceId, source: source as 'zoom' | 'manual' | 'custom' },
          ...{ details: JSON.parse(details), origin: JSON.parse(origin) },
        });
        if (search === before) continue;
        await db.updateTable('recordings').set({ search }).where('id', '=', id).execute();
      }
      if (rows.length < BATCH) return;
      after = Number(rows.at(-1)?.seq);
    }
  },
};
