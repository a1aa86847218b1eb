import type { Database } from './database.ts';
import type { EventType, RecordingEvent } from './events.ts';
import type { Tables } from './schema.ts';

/** What has happened, of all recordings or of one. */
export interface History {
  /** What happened after the event with this number, oldest first. */
  after(seq: number, limit: number): Promise<RecordingEvent[]>;
  /** The number of the last event; 0 if there is none. */
  lastSeq(): Promise<number>;
  /** The last events of a recording, oldest first, and how many attempts began before them. */
  ofRecording(id: string, limit: number): Promise<{ events: RecordingEvent[]; earlierAttempts: number }>;
  /** What happened to a recording after the event with this number, oldest first. */
  ofRecordingAfter(id: string, seq: number, limit: number): Promise<RecordingEvent[]>;
}

export function createHistory({ db }: { db: Database }): History {
  return {
    async after(seq, limit) {
      const rows = await db
        .selectFrom('events')
        .selectAll()
        .where('seq', '>', seq)
        .orderBy('seq')
        .limit(limit)
        .execute();
      return rows.map(toEvent);
    },

    async ofRecordingAfter(id, seq, limit) {
      const rows = await db
        .selectFrom('events')
        .selectAll()
        .where('recording_id', '=', id)
        .where('seq', '>', seq)
        .orderBy('seq')
        .limit(limit)
        .execute();
      return rows.map(toEvent);
    },

    async lastSeq() {
      const row = await db
        .selectFrom('events')
        .select((select) => select.fn.max('seq').as('seq'))
        .executeTakeFirst();
      return Number(row?.seq ?? 0);
    },

    async ofRecording(id, limit) {
      const rows = await db
        .selectFrom('events')
        .selectAll()
        .where('recording_id', '=', id)
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute();
      const events = rows.map(toEvent).reverse();
      const earlier = await db
        .selectFrom('events')
        .select((select) => select.fn.countAll<number>().as('count'))
        .where('recording_id', '=', id)
        .where('seq', '<', events[0]?.seq ?? 0)
        .where('type', '=', 'attempt.started')
        .executeTakeFirst();
      return { events, earlierAttempts: Number(earlier?.count ?? 0) };
    },
  };
}

/** A row of the ledger as an event. */
export function toEvent(row: Tables['events']): RecordingEvent {
  return {
    seq: Number(row.seq),
    recordingId: row.recording_id,
    atMs: Number(row.at_ms),
    type: row.type as EventType,
    data: JSON.parse(row.data),
  };
}
