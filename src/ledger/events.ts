import { sql, type Transaction } from 'kysely';
import type { Tables } from './schema.ts';

/** One line of a recording's history. */
export interface RecordingEvent {
  readonly seq: number;
  readonly recordingId: string;
  readonly atMs: number;
  readonly type: EventType;
  readonly data: Readonly<Record<string, unknown>>;
}

export type EventType =
  | 'recording.accepted'
  | 'lane.changed'
  | 'recording.repeated'
  | 'recording.revived'
  | 'recording.done'
  | 'recording.failed'
  | 'recording.retried'
  | 'recording.scheduled'
  | 'recording.moved-to-front'
  | 'recording.set-aside'
  | 'recording.cancelled'
  | 'recording.renamed'
  | 'recording.deleted'
  | 'publish-again.asked'
  | 'publish-again.done'
  | 'publish-again.given-up'
  | 'deletion.started'
  | 'stop.asked'
  | 'withdrawal.started'
  | 'withdrawal.failed'
  | 'archive.left'
  | 'late.removed'
  | 'attempt.started'
  | 'attempt.interrupted'
  | 'attempt.postponed'
  | 'attempt.failed'
  | 'stage.started'
  | 'stage.done'
  | 'stage.undone'
  | 'download.believed'
  | 'captions.skipped'
  | 'upload.surplus'
  | 'video.playable'
  | 'video.failed'
  | 'video.replaced'
  | 'video.renamed'
  | 'video.rename-refused'
  | 'zoom.trashed'
  | 'zoom.deleted'
  | 'zoom.recovered'
  | 'trash.moved'
  | 'trash.given-up';

/** Adds to a recording's history, in the transaction of what happened. */
export async function addEvent(
  trx: Transaction<Tables>,
  id: string,
  type: EventType,
  data: object,
): Promise<void> {
  await trx
    .insertInto('events')
    .values({
      seq: sql<number>`(select coalesce(max(seq), 0) + 1 from events)`,
      recording_id: id,
      at_ms: Date.now(),
      type,
      data: JSON.stringify(data),
    })
    .execute();
}
