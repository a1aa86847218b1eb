import { type Kysely, sql } from 'kysely';

/** A gate per lane, and for each recording the lane in which it waits. */
export const lanes = {
  // biome-ignore lint/suspicious/noExplicitAny: a released step does not follow later changes of the tables' types
  async up(db: Kysely<any>) {
    await db.schema.alterTable('gate').addColumn('lane', 'text').execute();
    await sql`update gate set lane = 'upload'`.execute(db);
    await db.schema.alterTable('recordings').addColumn('lane', 'text').execute();
    await db.schema.alterTable('recordings').addColumn('run_of', 'text').execute();
    await sql`create index recordings_in_lane on recordings (lane, state, seq) where lane is not null`.execute(
      db,
    );
    await sql`create index recordings_by_run on recordings (run_of, seq) where run_of is not null`.execute(
      db,
    );
  },
};
