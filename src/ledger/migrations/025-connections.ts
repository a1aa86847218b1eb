import type { Kysely, Migration } from 'kysely';

/** How many connections a process has open, told with its sign of life. */
export const connections: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('heartbeats').addColumn('connections', 'integer').execute();
  },
};
