import { type Kysely, type Migration, sql } from 'kysely';

/** What is counted for graphs, and what people are told of. */
export const telemetry: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('tallies')
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('labels', 'text', (column) => column.notNull())
      .addColumn('value', 'double precision', (column) => column.notNull())
      .addPrimaryKeyConstraint('tallies_key', ['name', 'labels'])
      .execute();
    await db.schema
      .createTable('positions')
      .addColumn('reader', 'text', (column) => column.primaryKey())
      .addColumn('seq', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('zoom_checks')
      .addColumn('minute', 'bigint', (column) => column.notNull())
      .addColumn('outcome', 'text', (column) => column.notNull())
      .addColumn('count', 'integer', (column) => column.notNull())
      .addColumn('last_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('zoom_checks_key', ['minute', 'outcome'])
      .execute();
    await db.schema.alterTable('circuits').addColumn('opened_at_ms', 'bigint').execute();

    await db.schema
      .createTable('alarms')
      .addColumn('id', 'bigint', (column) => column.primaryKey())
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('recording_id', 'text')
      .addColumn('title', 'text', (column) => column.notNull())
      .addColumn('detail', 'text', (column) => column.notNull())
      .addColumn('advice', 'text', (column) => column.notNull())
      .addColumn('raised_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('resolved_at_ms', 'bigint')
      .addColumn('resolution', 'text')
      .addColumn('is_raise_told', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('is_resolve_told', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema
      .createIndex('alarms_open_once')
      .unique()
      .on('alarms')
      .column('key')
      .where(sql.ref('resolved_at_ms'), 'is', null)
      .execute();
    await db.schema
      .createIndex('alarms_untold')
      .on('alarms')
      .columns(['is_resolve_told', 'is_raise_told', 'resolved_at_ms'])
      .execute();
    await db.schema
      .createTable('alarm_messages')
      .addColumn('id', 'bigint', (column) => column.primaryKey())
      .addColumn('channel', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('last_error', 'text')
      .addColumn('not_before_ms', 'bigint', (column) => column.notNull().defaultTo(0))
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('alarm_messages_by_state')
      .on('alarm_messages')
      .columns(['channel', 'state', 'id'])
      .execute();
  },
};
