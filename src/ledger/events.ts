import type { Transaction } from 'kysely';
import { nextNumber } from './change.ts';
import type { Tables } from './schema.ts';

/** One line of a recording's history. */
export interface RecordingEvent {
  readonly seq: number;
  readonly recordingId: string;
  readonly atMs: number;
  readonly type: EventType;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a history tells; wings add what they alone tell. */
export interface EventNames {
  'recording.accepted': true;
  'lane.changed': true;
  'recording.repeated': true;
  'recording.revived': true;
  'recording.done': true;
  'recording.failed': true;
  'recording.retried': true;
  'recording.scheduled': true;
  'recording.moved-to-front': true;
  'recording.set-aside': true;
  'recording.cancelled': true;
  'recording.renamed': true;
  'recording.deleted': true;
  'publish-again.asked': true;
  'publish-again.done': true;
  'publish-again.given-up': true;
  'deletion.started': true;
  'stop.asked': true;
  'withdrawal.started': true;
  'withdrawal.failed': true;
  'archive.left': true;
  'late.removed': true;
  'attempt.started': true;
  'attempt.interrupted': true;
  'attempt.postponed': true;
  'attempt.failed': true;
  'stage.started': true;
  'stage.done': true;
  'stage.undone': true;
  'download.believed': true;
  'captions.skipped': true;
  'upload.surplus': true;
  'video.playable': true;
  'video.failed': true;
  'video.replaced': true;
  'video.renamed': true;
  'video.rename-refused': true;
}

export type EventType = keyof EventNames;

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
      seq: nextNumber('events'),
      recording_id: id,
      at_ms: Date.now(),
      type,
      data: JSON.stringify(data),
    })
    .execute();
}
