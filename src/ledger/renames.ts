import type { Facts } from '../domain/recording.ts';
import type { Database } from './database.ts';
import { addEvent } from './events.ts';

/** A published video that may have another title than its recording. */
export interface Rename {
  readonly recordingId: string;
  readonly videoId: string;
  /** The title of the recording, as it is now. */
  readonly title: string;
  readonly bytes: number | null;
  /** How often it was tried. */
  readonly looks: number;
}

/** Titles that Bunny is to hear of. A row is written in the step that renames the recording, so no crash loses it. */
export interface Renames {
  /** What is to be looked at now; never of a recording that is not published, or is so just now. */
  due(nowMs: number, limit: number): Promise<Rename[]>;
  lookAgain(rename: Rename, notBeforeMs: number): Promise<void>;
  /** It has that title; unless the recording has got yet another one. */
  end(
    rename: Rename,
    outcome?: { readonly event: 'video.renamed' | 'video.rename-refused'; readonly data: object },
  ): Promise<void>;
}

export function createRenames({ db }: { db: Database }): Renames {
  return {
    async due(nowMs, limit) {
      const rows = await db
        .selectFrom('renames')
        .innerJoin('recordings', 'recordings.id', 'renames.recording_id')
        .innerJoin('stages', (join) =>
          join.onRef('stages.recording_id', '=', 'renames.recording_id').on('stages.stage', '=', 'publish'),
        )
        .select(['renames.recording_id', 'looks', 'title', 'recordings.bytes', 'fact'])
        .where('stages.fact', 'is not', null)
        .where('renames.not_before_ms', '<=', nowMs)
        .orderBy('renames.not_before_ms')
        .limit(limit)
        .execute();
      return rows.map(({ recording_id, looks, title, bytes, fact }) => ({
        recordingId: recording_id,
        videoId: (JSON.parse(fact ?? '') as Facts['publish']).videoId,
        title,
        bytes: bytes === null ? null : Number(bytes),
        looks,
      }));
    },

    async lookAgain({ recordingId, looks }, notBeforeMs) {
      await db
        .updateTable('renames')
        .set({ looks: looks + 1, not_before_ms: notBeforeMs })
        .where('recording_id', '=', recordingId)
        .where('looks', '=', looks)
        .execute();
    },

    async end({ recordingId, title }, outcome) {
      await db.transaction().execute(async (trx) => {
        const ended = await trx
          .deleteFrom('renames')
          .where('recording_id', '=', recordingId)
          .where((is) =>
            is(is.selectFrom('recordings').select('title').where('id', '=', recordingId), '=', title),
          )
          .executeTakeFirst();
        if (ended.numDeletedRows > 0n && outcome)
          await addEvent(trx, recordingId, outcome.event, outcome.data);
      });
    },
  };
}
