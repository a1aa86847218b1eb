import type { Kysely, Migration } from 'kysely';
import type { Tables } from '../schema.ts';
import { searchText } from '../search-text.ts';

/** How many recordings are read at once while what they hold is written in its new form. */
const BATCH = 1000;

/** What operators see and do: places in line, wishes, lengths, and lists that stay quick with many recordings. */
export const operatorsView: Migration = {
  async up(db: Kysely<Tables>) {
    for (const [column, type] of [
      ['place', 'bigint'],
      ['wanted', 'text'],
      ['renewal', 'text'],
      ['bytes', 'bigint'],
      ['search', 'text'],
    ] as const) {
      await db.schema
        .alterTable('recordings')
        .addColumn(column, type, (definition) => {
          if (column === 'place') return definition.notNull().defaultTo(0);
          return column === 'search' ? definition.notNull().defaultTo('') : definition;
        })
        .execute();
    }
    await fill(db);

    const index = (name: string, table: string, columns: string[]) =>
      db.schema.createIndex(name).on(table).columns(columns).execute();
    await index('recordings_in_line', 'recordings', ['state', 'place', 'seq', 'not_before_ms']);
    await index('recordings_by_end', 'recordings', ['state', 'ended_at_ms', 'bytes']);
    await index('recordings_listed', 'recordings', ['seq', 'state', 'source', 'accepted_at_ms', 'search']);
    await index('watches_by_recording', 'watches', ['recording_id']);
  },
};

async function fill(db: Kysely<Tables>): Promise<void> {
  for (let after = 0; ; ) {
    const rows = await db
      .selectFrom('recordings')
      .leftJoin('stages', (join) =>
        join.onRef('recording_id', '=', 'recordings.id').on('stage', '=', 'fetch'),
      )
      .select(['recordings.id', 'seq', 'title', 'ace_id', 'details', 'origin', 'fact'])
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(BATCH)
      .execute();
    for (const { id, title, ace_id: aceId, details, origin, fact } of rows) {
      const bytes = (JSON.parse(fact ?? 'null') ?? JSON.parse(origin)).bytes ?? null;
      const search = searchText({ id, title, aceId, details: JSON.parse(details) });
      await db.updateTable('recordings').set({ bytes, search }).where('id', '=', id).execute();
    }
    after = Number(rows.at(-1)?.seq);
    if (rows.length < BATCH) return;
  }
}
