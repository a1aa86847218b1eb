import type { ErrorSummary } from '../../../domain/errors.ts';
import { addEvent } from '../../../ledger/add-event.ts';
import { change, nextNumber } from '../../../ledger/change.ts';
import type { Database } from '../../../ledger/database.ts';
import { toWaitingItem, type WaitingItem } from '../../../ledger/waiting.ts';
import { wallMs } from '../../../lib/wall-time.ts';

/** A file that is to go to Zoom's trash: the one that a recording was fetched from. */
export interface TrashItem {
  readonly recordingId: string;
  readonly isPending: boolean;
  /** How often it was looked at so far. */
  readonly looks: number;
  readonly notBeforeMs: number;
  readonly createdAtMs: number;
}

/** How far the recordings of one meeting have come. */
export interface GroupStanding {
  /** All that are wanted are done. */
  readonly areDone: boolean;
  /** All videos among them can be watched. */
  readonly arePlayable: boolean;
}

/** What is to go to Zoom's trash, and what has gone there. */
export interface ZoomTrash {
  /** Notes that a recording's file may go once its meeting is home; a second time changes nothing. */
  add(recordingId: string): Promise<void>;
  get(recordingId: string): Promise<TrashItem | undefined>;
  /** What has not gone yet, oldest first; with a limit only so many. */
  pending(afterSeq?: number, limit?: number): Promise<WaitingItem[]>;
  /** Something has happened to a group: look at what has not gone yet of it now. Returns what that is. */
  wake(groupKey: string): Promise<string[]>;
  /** Cancelled and deleted recordings are not wanted, and keep nobody waiting. */
  standingOf(groupKey: string): Promise<GroupStanding>;
  lookAgain(recordingId: string, notBeforeMs: number, error?: ErrorSummary): Promise<void>;
  /** Ends it, with an event in the recording's history, once. */
  end(recordingId: string, outcome: 'trash.moved' | 'trash.given-up', data: object): Promise<void>;
}

export function createZoomTrash({ db }: { db: Database }): ZoomTrash {
  return {
    async add(recordingId) {
      const nowMs = wallMs();
      await change(db, async (trx) => {
        await trx
          .insertInto('zoom_trash')
          .values({
            recording_id: recordingId,
            seq: await nextNumber(trx, 'zoom_trash'),
            state: 'pending',
            looks: 0,
            not_before_ms: 0,
            created_at_ms: nowMs,
          })
          .onConflict((conflict) => conflict.column('recording_id').doNothing())
          .execute();
      });
    },

    async get(recordingId) {
      const row = await db
        .selectFrom('zoom_trash')
        .selectAll()
        .where('recording_id', '=', recordingId)
        .executeTakeFirst();
      return (
        row && {
          recordingId,
          isPending: row.state === 'pending',
          looks: row.looks,
          notBeforeMs: Number(row.not_before_ms),
          createdAtMs: Number(row.created_at_ms),
        }
      );
    },

    async pending(afterSeq = 0, limit) {
      const all = db
        .selectFrom('zoom_trash')
        .select(['recording_id as id', 'seq', 'not_before_ms'])
        .where('state', '=', 'pending')
        .where('seq', '>', afterSeq)
        .orderBy('seq');
      const rows = await (limit === undefined ? all : all.limit(limit)).execute();
      return rows.map(toWaitingItem);
    },

    async wake(groupKey) {
      const rows = await db
        .updateTable('zoom_trash')
        .set({ not_before_ms: 0 })
        .where('recording_id', 'in', (of) =>
          of.selectFrom('recordings').select('id').where('group_key', '=', groupKey),
        )
        .where('state', '=', 'pending')
        .returning('recording_id')
        .execute();
      return rows.map((row) => row.recording_id);
    },

    async standingOf(groupKey) {
      const rows = await db
        .selectFrom('recordings')
        .leftJoin('watches', 'watches.recording_id', 'recordings.id')
        .select((row) => [
          'recordings.id',
          'recordings.state',
          'recordings.kind',
          'watches.state as watched',
          row
            .exists(
              row
                .selectFrom('deliveries')
                .select('id')
                .whereRef('deliveries.recording_id', '=', 'recordings.id')
                .where('type', '=', 'recording.playable'),
            )
            .as('is_told'),
        ])
        .where('group_key', '=', groupKey)
        .where('recordings.state', 'not in', ['cancelled', 'deleting', 'deleted'])
        .execute();
      return {
        areDone: rows.every(({ state }) => state === 'done'),
        // One that was published anew has had several videos, and one may be published in several places, or in none: what
        // has a package only needs nobody to make it playable.
        arePlayable: rows.every(({ id, kind, is_told: isTold }) => {
          const own = rows.filter((row) => row.id === id).map(({ watched }) => watched);
          const isWatched = own.some((watched) => watched !== null);
          const isPlayable = isWatched ? own.includes('video.playable') : Boolean(isTold);
          return kind !== 'video' || (isPlayable && !own.includes('pending'));
        }),
      };
    },

    async lookAgain(recordingId, notBeforeMs, error) {
      await db
        .updateTable('zoom_trash')
        .set((row) => ({
          looks: row('looks', '+', 1),
          not_before_ms: notBeforeMs,
          ...(error === undefined ? {} : { last_error: JSON.stringify(error) }),
        }))
        .where('recording_id', '=', recordingId)
        .where('state', '=', 'pending')
        .execute();
    },

    async end(recordingId, outcome, data) {
      await change(db, async (trx) => {
        const ended = await trx
          .updateTable('zoom_trash')
          .set({ state: outcome })
          .where('recording_id', '=', recordingId)
          .where('state', '=', 'pending')
          .executeTakeFirst();
        if (ended.numUpdatedRows > 0n) addEvent(trx, recordingId, outcome, data);
      });
    },
  };
}
