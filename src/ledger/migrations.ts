import { type Kysely, type Migration, type MigrationProvider, sql } from 'kysely';
import { moreIndexes } from './migrations/002-more-indexes.ts';
import { operatorsView } from './migrations/003-operators-view.ts';
import { companions } from './migrations/004-companions.ts';
import { zoomTrash } from './migrations/005-zoom-trash.ts';
import { telemetry } from './migrations/006-telemetry.ts';
import { lateLooks } from './migrations/007-late-looks.ts';
import { doubtedWatches } from './migrations/008-doubted-watches.ts';
import { doubts } from './migrations/010-doubts.ts';
import { steadyClock } from './migrations/011-steady-clock.ts';
import { whatMoves } from './migrations/012-what-moves.ts';
import { callersWords } from './migrations/013-callers-words.ts';
import { access } from './migrations/016-access.ts';
import { afterDone } from './migrations/017-after-done.ts';
import { deliveryAttempts } from './migrations/018-delivery-attempts.ts';
import { searchWords } from './migrations/019-search-words.ts';
import { lineAhead } from './migrations/020-line-ahead.ts';
import { doubtsSince } from './migrations/021-doubts-since.ts';
import { causesOfAlarms } from './migrations/022-causes-of-alarms.ts';
import { causes } from './migrations/023-causes.ts';
import { zoomRemovals } from './migrations/024-zoom-removals.ts';
import { connections } from './migrations/025-connections.ts';
import { recipes } from './migrations/026-recipes.ts';
import { lanes } from './migrations/027-lanes.ts';
import { claims } from './migrations/028-claims.ts';
import { runWebhooks } from './migrations/029-run-webhooks.ts';
import { counters } from './migrations/030-counters.ts';
import { presets } from './migrations/031-presets.ts';
import { outputs } from './migrations/032-outputs.ts';
import { postgres } from './migrations/033-postgres.ts';
import { hosts } from './migrations/034-hosts.ts';
import { assets } from './migrations/035-assets.ts';
import { handedOver } from './migrations/036-handed-over.ts';
import { remoteWorkers } from './migrations/037-remote-workers.ts';

/** Every step of the schema by name; steps that have been released are never edited. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '001-first-shape': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('recordings')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('seq', 'bigint', (column) => column.notNull().unique())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('natural_key', 'text', (column) => column.notNull().unique())
        .addColumn('ace_id', 'text')
        .addColumn('title', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('origin', 'text', (column) => column.notNull())
        .addColumn('details', 'text', (column) => column.notNull())
        .addColumn('failed_attempts', 'integer', (column) => column.notNull().defaultTo(0))
        .addColumn('open_starts', 'integer', (column) => column.notNull().defaultTo(0))
        .addColumn('last_error', 'text')
        .addColumn('not_before_ms', 'bigint', (column) => column.notNull().defaultTo(0))
        .addColumn('accepted_at_ms', 'bigint', (column) => column.notNull())
        .addColumn('started_at_ms', 'bigint')
        .addColumn('ended_at_ms', 'bigint')
        .execute();
      await db.schema.createIndex('recordings_by_state').on('recordings').columns(['state', 'seq']).execute();

      await db.schema
        .createTable('stages')
        .addColumn('recording_id', 'text', (column) => column.notNull().references('recordings.id'))
        .addColumn('stage', 'text', (column) => column.notNull())
        .addColumn('checkpoint', 'text')
        .addColumn('fact', 'text')
        .addColumn('started_at_ms', 'bigint')
        .addColumn('done_at_ms', 'bigint')
        .addPrimaryKeyConstraint('stages_key', ['recording_id', 'stage'])
        .execute();

      await db.schema
        .createTable('events')
        .addColumn('seq', 'bigint', (column) => column.primaryKey())
        .addColumn('recording_id', 'text', (column) => column.notNull().references('recordings.id'))
        .addColumn('at_ms', 'bigint', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('data', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createIndex('events_by_recording')
        .on('events')
        .columns(['recording_id', 'seq'])
        .execute();

      await db.schema
        .createTable('deliveries')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('seq', 'bigint', (column) => column.notNull().unique())
        .addColumn('recording_id', 'text', (column) => column.notNull().references('recordings.id'))
        .addColumn('occasion', 'text', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(0))
        .addColumn('last_error', 'text')
        .addColumn('not_before_ms', 'bigint', (column) => column.notNull().defaultTo(0))
        .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
        .addColumn('ended_at_ms', 'bigint')
        .addUniqueConstraint('deliveries_once', ['recording_id', 'occasion'])
        .execute();
      await db.schema.createIndex('deliveries_by_state').on('deliveries').columns(['state', 'seq']).execute();

      await db.schema
        .createTable('watches')
        .addColumn('video_id', 'text', (column) => column.primaryKey())
        .addColumn('seq', 'bigint', (column) => column.notNull().unique())
        .addColumn('recording_id', 'text', (column) => column.notNull().references('recordings.id'))
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('polls', 'integer', (column) => column.notNull().defaultTo(0))
        .addColumn('not_before_ms', 'bigint', (column) => column.notNull().defaultTo(0))
        .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('watches_by_state').on('watches').columns(['state', 'seq']).execute();

      await db.schema
        .createTable('circuits')
        .addColumn('service', 'text', (column) => column.primaryKey())
        .addColumn('failures', 'integer', (column) => column.notNull())
        .addColumn('open_until_ms', 'bigint', (column) => column.notNull())
        .addColumn('last_error', 'text', (column) => column.notNull())
        .execute();

      await db.schema
        .createTable('switches')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('value', 'text', (column) => column.notNull())
        .addColumn('set_at_ms', 'bigint', (column) => column.notNull())
        .execute();

      await db.schema
        .createTable('gate')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('holder', 'text')
        .addColumn('recording_id', 'text')
        .addColumn('fence', 'bigint', (column) => column.notNull())
        .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
        .execute();
      await sql`insert into gate (id, fence, expires_at_ms) values (1, 0, 0)`.execute(db);
    },
  },
  '002-more-indexes': moreIndexes,
  '003-operators-view': operatorsView,
  '004-companions': companions,
  '005-zoom-trash': zoomTrash,
  '006-telemetry': telemetry,
  '007-late-looks': lateLooks,
  '008-doubted-watches': doubtedWatches,
  '010-doubts': doubts,
  '011-steady-clock': steadyClock,
  '012-what-moves': whatMoves,
  '013-callers-words': callersWords,
  '016-access': access,
  '017-after-done': afterDone,
  '018-delivery-attempts': deliveryAttempts,
  '019-search-words': searchWords,
  '020-line-ahead': lineAhead,
  '021-doubts-since': doubtsSince,
  '022-causes-of-alarms': causesOfAlarms,
  '023-causes': causes,
  '024-zoom-removals': zoomRemovals,
  '025-connections': connections,
  '026-recipes': recipes,
  '027-lanes': lanes,
  '028-claims': claims,
  '029-run-webhooks': runWebhooks,
  '030-counters': counters,
  '031-presets': presets,
  '032-outputs': outputs,
  '033-postgres': postgres,
  '034-hosts': hosts,
  '035-assets': assets,
  '036-handed-over': handedOver,
  '037-remote-workers': remoteWorkers,
};

export const migrationProvider: MigrationProvider = {
  getMigrations: async () => ({ ...MIGRATIONS }),
};

/** How the steps that a ledger has taken differ from those that this version knows. */
export function compareNames(taken: readonly string[]): { pending: string[]; unknown: string[] } {
  const known = Object.keys(MIGRATIONS);
  return {
    pending: known.filter((name) => !taken.includes(name)),
    unknown: taken.filter((name) => !known.includes(name)),
  };
}
