import type { Kysely, Migration } from 'kysely';
import type { Tables } from '../schema.ts';
import { searchText } from '../search-text.ts';

/** How many recordings are read at once. */
const BATCH = 1000;

/** What callers want the website to hear; and what searches look through is folded, with or without accents. */
export const callersWords: Migration = {
  async up(db: Kysely<Tables>) {
    await db.schema.alterTable('recordings').addColumn('metadata', 'text').execute();
    for (let after = 0; ; ) {
      const rows = await db
        .selectFrom('recordings')
        .select(['id', 'seq', 'title', 'ace_id', 'details', 'search'])
        .where('seq', '>', after)
        .orderBy('seq')
        .limit(BATCH)
        .execute();
      for (const { id, title, ace_id: aceId, details, search: before } of rows) {
        const search = searchText({ id, title, aceId, details: JSON.parse(details) });
        if (search === before) continue;
        await db.updateTable('recordings').set({ search }).where('id', '=', id).execute();
      }
      if (rows.length < BATCH) return;
      after = Number(rows.at(-1)?.seq);
    }
  },
};
