import { type Kysely, type Migration, sql } from 'kysely';

/** Steps that end by themselves: how, and why; and recordings that were done and go on for the sake of one. */
export const outputs: Migration = {
  async up(db: Kysely<unknown>) {
    for (const column of ['is_output', 'failed_attempts']) {
      await db.schema
        .alterTable('stages')
        .addColumn(column, 'integer', (added) => added.notNull().defaultTo(0))
        .execute();
    }
    for (const column of ['ending', 'error'])
      await db.schema.alterTable('stages').addColumn(column, 'text').execute();
    await db.schema.alterTable('stages').addColumn('ended_at_ms', 'bigint').execute();
    await db.schema.alterTable('recordings').addColumn('is_reopened', 'integer').execute();
    await sql`create index stages_to_end on stages (recording_id) where ending is not null and ended_at_ms is null`.execute(
      db,
    );
  },
};
