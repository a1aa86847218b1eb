import { sql } from 'kysely';
import type { Database } from './database.ts';
import { insertDelivery, type NewDelivery } from './deliveries.ts';
import { addEvent } from './events.ts';
import { toWaitingItem, type WaitingItem } from './waiting.ts';

/** A published video that is looked at until Bunny has made it playable. */
export interface Watch {
  readonly videoId: string;
  readonly recordingId: string;
  readonly isPending: boolean;
  readonly polls: number;
  readonly notBeforeMs: number;
  readonly createdAtMs: number;
}

export interface Watches {
  /** Begins to watch a video; a second time changes nothing. */
  add(input: { videoId: string; recordingId: string; notBeforeMs: number }): Promise<void>;
  get(videoId: string): Promise<Watch | undefined>;
  /** What is not playable yet, oldest first; with a limit only so many. */
  pending(afterSeq?: number, limit?: number): Promise<WaitingItem[]>;
  lookAgain(videoId: string, notBeforeMs: number): Promise<void>;
  /** Something has happened to a video: look at it now. False if it is not watched. */
  hurry(videoId: string): Promise<boolean>;
  /** Ends the watch and writes what came of it to the outbox in the same step. */
  end(videoId: string, outcome: 'video.playable' | 'video.failed', announcement: NewDelivery): Promise<void>;
}

export function createWatches({ db }: { db: Database }): Watches {
  return {
    async add({ videoId, recordingId, notBeforeMs }) {
      await db
        .insertInto('watches')
        .values({
          video_id: videoId,
          seq: sql<number>`(select coalesce(max(seq), 0) + 1 from watches)`,
          recording_id: recordingId,
          state: 'pending',
          polls: 0,
          not_before_ms: notBeforeMs,
          created_at_ms: Date.now(),
        })
        .onConflict((conflict) => conflict.column('video_id').doNothing())
        .execute();
    },

    async get(videoId) {
      const row = await db
        .selectFrom('watches')
        .selectAll()
        .where('video_id', '=', videoId)
        .executeTakeFirst();
      return (
        row && {
          videoId,
          recordingId: row.recording_id,
          isPending: row.state === 'pending',
          polls: row.polls,
          notBeforeMs: Number(row.not_before_ms),
          createdAtMs: Number(row.created_at_ms),
        }
      );
    },

    async pending(afterSeq = 0, limit) {
      const all = db
        .selectFrom('watches')
        .select(['video_id as id', 'seq', 'not_before_ms'])
        .where('state', '=', 'pending')
        .where('seq', '>', afterSeq)
        .orderBy('seq');
      const rows = await (limit === undefined ? all : all.limit(limit)).execute();
      return rows.map(toWaitingItem);
    },

    async lookAgain(videoId, notBeforeMs) {
      await db
        .updateTable('watches')
        .set((row) => ({ polls: row('polls', '+', 1), not_before_ms: notBeforeMs }))
        .where('video_id', '=', videoId)
        .execute();
    },

    async hurry(videoId) {
      const result = await db
        .updateTable('watches')
        .set({ not_before_ms: 0 })
        .where('video_id', '=', videoId)
        .where('state', '=', 'pending')
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },

    async end(videoId, outcome, announcement) {
      await db.transaction().execute(async (trx) => {
        await trx.updateTable('watches').set({ state: outcome }).where('video_id', '=', videoId).execute();
        await insertDelivery(trx, announcement);
        await addEvent(trx, announcement.recordingId, outcome, { videoId });
      });
    },
  };
}
