import type { Kysely, Migration } from 'kysely';
import type { Tables } from '../schema.ts';

/** Why a recording has failed, by what others fail for as well; and when people were told of it. */
export const causesOfAlarms: Migration = {
  async up(db: Kysely<Tables>) {
    await db.schema.alterTable('alarms').addColumn('cause', 'text').execute();
    await db.schema.alterTable('alarms').addColumn('told_at_ms', 'bigint').execute();
  },
};
