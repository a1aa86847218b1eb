import type { Transaction } from 'kysely';
import { FIRST_LANE } from '../domain/recipe.ts';
import type { Recording, State } from '../domain/recording.ts';
import type { Tables } from './schema.ts';

/** A row of the ledger as a recording. */
export function toRecording(row: Tables['recordings']): Recording {
  return {
    id: row.id,
    seq: Number(row.seq),
    source: row.source as Recording['source'],
    kind: row.kind as Recording['kind'],
    naturalKey: row.natural_key,
    groupKey: row.group_key,
    aceId: row.ace_id,
    title: row.title,
    state: row.state as State,
    wanted: row.wanted as Recording['wanted'],
    place: Number(row.place),
    origin: JSON.parse(row.origin),
    placement: row.placement === null ? null : JSON.parse(row.placement),
    details: JSON.parse(row.details),
    ...(row.metadata === null ? {} : { metadata: JSON.parse(row.metadata) }),
    ...(row.kept_stages === null ? {} : { isFromArchive: true }),
    ...(row.is_reopened === null ? {} : { isReopened: true }),
    ...(row.earlier_videos === null ? {} : { earlierVideoIds: JSON.parse(row.earlier_videos) }),
    ...(row.plan_key === null ? {} : { planKey: row.plan_key }),
    ...(row.lane === null ? {} : { lane: row.lane }),
    ...(row.host === null ? {} : { host: row.host, isBound: row.is_bound === 1 }),
    ...(row.run_of === null ? {} : { runOf: row.run_of }),
    ...(row.reference === null ? {} : { reference: row.reference }),
    ...(row.webhook_url === null ? {} : { webhookUrl: row.webhook_url }),
    bytes: numberOrNull(row.bytes),
    failedAttempts: row.failed_attempts,
    openStarts: row.open_starts,
    lastError: row.last_error === null ? null : JSON.parse(row.last_error),
    notBeforeMs: Number(row.not_before_ms),
    acceptedAtMs: Number(row.accepted_at_ms),
    startedAtMs: numberOrNull(row.started_at_ms),
    endedAtMs: numberOrNull(row.ended_at_ms),
  };
}

/** How the row has the lane in which a recording waits or moves. */
export function laneColumn(lane: string): string | null {
  return lane === FIRST_LANE ? null : lane;
}

/** A recording whose row nobody else changes until the transaction has ended; `undefined`: there is none. */
export async function lockRecording(trx: Transaction<Tables>, id: string): Promise<Recording | undefined> {
  const row = await trx
    .updateTable('recordings')
    .set({ id })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  return row && toRecording(row);
}

function numberOrNull(value: number | null): number | null {
  return value === null ? null : Number(value);
}
