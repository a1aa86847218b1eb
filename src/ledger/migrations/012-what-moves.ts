import { type Kysely, type Migration, sql } from 'kysely';

/** Signs of life of the processes, and look-ups of what belongs to whom that stay quick with many recordings. */
export const whatMoves: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('heartbeats')
      .addColumn('app', 'text', (column) => column.primaryKey())
      .addColumn('pid', 'integer', (column) => column.notNull())
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('beats', 'bigint', (column) => column.notNull())
      .addColumn('moved', 'bigint', (column) => column.notNull())
      .addColumn('at_ms', 'bigint', (column) => column.notNull())
      .execute();

    for (const [stage, key] of [
      ['archive', 'fileId'],
      ['publish', 'videoId'],
    ] as const) {
      for (const column of ['fact', 'checkpoint'] as const) {
        await sql`create index ${sql.ref(`stages_${stage}_by_${column}`)}
          on stages (json_extract(${sql.ref(column)}, ${sql.lit(`$.${key}`)})) where stage = ${sql.lit(stage)}`.execute(
          db,
        );
      }
    }
    // The last part of the path: what is behind all that ends with a slash.
    await sql`create index recordings_by_file on recordings (
      substr(json_extract(origin, '$.path'), length(rtrim(json_extract(origin, '$.path'),
        replace(json_extract(origin, '$.path'), '/', ''))) + 1)
    ) where json_extract(origin, '$.kind') = 'file'`.execute(db);
    await db.schema.createIndex('recordings_by_title').on('recordings').column('title').execute();
    // Tokens that are still there, which are few however long the history.
    await sql`create index recordings_with_token on recordings (ended_at_ms)
      where json_extract(origin, '$.downloadToken') is not null`.execute(db);
    await sql`create index alarms_resolved on alarms (resolved_at_ms) where resolved_at_ms is not null`.execute(
      db,
    );
  },
};
