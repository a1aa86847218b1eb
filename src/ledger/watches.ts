import type { Transaction } from 'kysely';
import type { Doubt } from '../domain/doubt.ts';
import { wallMs } from '../lib/wall-time.ts';
import { addEvent } from './add-event.ts';
import { change, nextNumber } from './change.ts';
import type { Database } from './database.ts';
import { insertDelivery, type NewDelivery } from './deliveries.ts';
import type { Tables } from './schema.ts';
import { toWaitingItem, type WaitingItem } from './waiting.ts';

/**
 * - `pending`: looked at until its publisher has made it playable
 * - `video.playable`: it has
 * - `video.failed`: it has not, and the website was told; looked at now and again, for it may do so yet
 * - `given-up`: looked at once more if its publisher says that something has happened to it
 */
export type WatchState = 'pending' | 'video.playable' | 'video.failed' | 'given-up';

/** A published video that is looked at until its publisher has made it playable. */
export interface Watch {
  readonly videoId: string;
  readonly recordingId: string;
  readonly state: WatchState;
  /** How often it was looked at in this state. */
  readonly polls: number;
  /** That its publisher does not know it. */
  readonly missing: Doubt | undefined;
  readonly notBeforeMs: number;
  readonly createdAtMs: number;
}

export interface Watches {
  /** Begins to watch a video; a second time changes nothing. */
  add(input: { videoId: string; recordingId: string; notBeforeMs: number }): Promise<void>;
  /** All other videos of a recording are no longer watched. */
  keepOnly(recordingId: string, videoIds: readonly string[]): Promise<void>;
  get(videoId: string): Promise<Watch | undefined>;
  /** What is still looked at, oldest first; with a limit only so many. */
  pending(afterSeq?: number, limit?: number): Promise<WaitingItem[]>;
  lookAgain(videoId: string, notBeforeMs: number, missing: Doubt | undefined): Promise<void>;
  /** Something has happened to a video: look at it now. False if it is not watched, or playable already. */
  hurry(videoId: string): Promise<boolean>;
  /**
   * Writes what came of the watch and, to the outbox, what the website hears of it in the same step; nothing of a video
   * that is no longer watched.
   *
   * @param replaced Videos of the recording that are gone now that this one can be watched
   */
  end(
    videoId: string,
    outcome: 'video.playable' | 'video.failed',
    announcement: NewDelivery,
    more?: { notBeforeMs?: number; replaced?: readonly string[] },
  ): Promise<void>;
  /** Looks no more at one that has failed. */
  giveUp(videoId: string): Promise<void>;
}

/** What is looked at. */
const WATCHED: readonly WatchState[] = ['pending', 'video.failed'];

export function createWatches({ db }: { db: Database }): Watches {
  return {
    async add(watch) {
      await change(db, (trx) => begin(trx, watch));
    },

    async keepOnly(recordingId, videoIds) {
      await db
        .deleteFrom('watches')
        .where('recording_id', '=', recordingId)
        .where('video_id', 'not in', videoIds)
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
          state: row.state as WatchState,
          polls: row.polls,
          missing:
            row.missing_looks === 0
              ? undefined
              : { looks: row.missing_looks, sinceMs: Number(row.missing_since_ms) },
          notBeforeMs: Number(row.not_before_ms),
          createdAtMs: Number(row.created_at_ms),
        }
      );
    },

    async pending(afterSeq = 0, limit) {
      const all = db
        .selectFrom('watches')
        .select(['video_id as id', 'seq', 'not_before_ms'])
        .where('state', 'in', WATCHED)
        .where('seq', '>', afterSeq)
        .orderBy('seq');
      const rows = await (limit === undefined ? all : all.limit(limit)).execute();
      return rows.map(toWaitingItem);
    },

    async lookAgain(videoId, notBeforeMs, missing) {
      await db
        .updateTable('watches')
        .set((row) => ({
          polls: row('polls', '+', 1),
          not_before_ms: notBeforeMs,
          missing_looks: missing?.looks ?? 0,
          missing_since_ms: missing?.sinceMs ?? 0,
        }))
        .where('video_id', '=', videoId)
        .execute();
    },

    async hurry(videoId) {
      const result = await db
        .updateTable('watches')
        .set((row) => ({
          not_before_ms: 0,
          state: row.case().when('state', '=', 'given-up').then('video.failed').else(row.ref('state')).end(),
        }))
        .where('video_id', '=', videoId)
        .where('state', '!=', 'video.playable')
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },

    async end(videoId, outcome, announcement, { notBeforeMs = 0, replaced = [] } = {}) {
      await change(db, async (trx) => {
        const ended = await trx
          .updateTable('watches')
          .set({ state: outcome, polls: 0, not_before_ms: notBeforeMs })
          .where('video_id', '=', videoId)
          .executeTakeFirst();
        if (ended.numUpdatedRows === 0n) return;
        const { recordingId } = announcement;
        await insertDelivery(trx, announcement);
        addEvent(trx, recordingId, outcome, { videoId });
        if (replaced.length === 0) return;
        await forgetEarlier(trx, recordingId, replaced);
        addEvent(trx, recordingId, 'video.replaced', { videoId, removed: replaced });
      });
    },

    async giveUp(videoId) {
      await db
        .updateTable('watches')
        .set({ state: 'given-up' })
        .where('video_id', '=', videoId)
        .where('state', '=', 'video.failed')
        .execute();
    },
  };
}

/** What is gone is no longer among the earlier videos of its recording. */
async function forgetEarlier(
  trx: Transaction<Tables>,
  recordingId: string,
  gone: readonly string[],
): Promise<void> {
  const row = await trx
    .selectFrom('recordings')
    .select('earlier_videos')
    .where('id', '=', recordingId)
    .executeTakeFirst();
  const earlier = JSON.parse(row?.earlier_videos ?? '[]') as string[];
  const left = earlier.filter((id) => !gone.includes(id));
  await trx
    .updateTable('recordings')
    .set({ earlier_videos: left.length === 0 ? null : JSON.stringify(left) })
    .where('id', '=', recordingId)
    .execute();
}

async function begin(
  trx: Transaction<Tables>,
  { videoId, recordingId, notBeforeMs }: { videoId: string; recordingId: string; notBeforeMs: number },
): Promise<void> {
  await trx
    .insertInto('watches')
    .values({
      video_id: videoId,
      seq: await nextNumber(trx, 'watches'),
      recording_id: recordingId,
      state: 'pending',
      polls: 0,
      not_before_ms: notBeforeMs,
      created_at_ms: wallMs(),
    })
    .onConflict((conflict) => conflict.column('video_id').doNothing())
    .execute();
}
