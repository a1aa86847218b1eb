import { sql } from 'kysely';
import { videosIn } from '../domain/published.ts';
import { MOVABLE_STATES, type State } from '../domain/recording.ts';
import { wallMs } from '../lib/wall-time.ts';
import { addEvent } from './add-event.ts';
import { change } from './change.ts';
import type { Database } from './database.ts';
import type { Recordings } from './recordings.ts';

/** How soon a recording that moves is looked at again, in milliseconds: it may get another video. */
const STILL_MOVING_MS = 10_000;

/** A recording whose published videos may have another title than it. */
export interface Rename {
  readonly recordingId: string;
  readonly videoIds: readonly string[];
  /** The title of the recording, as it is now. */
  readonly title: string;
  readonly bytes: number | null;
  /** How often it was tried. */
  readonly looks: number;
}

/** Titles that publishers are to hear of. A row is written in the step that renames the recording, so no crash loses it. */
export interface Renames {
  /** What is to be looked at now; never of a recording that is not published anywhere, or is so just now. */
  due(nowMs: number, limit: number): Promise<Rename[]>;
  lookAgain(rename: Rename, notBeforeMs: number): Promise<void>;
  /**
   * Its videos have that title, unless the recording has got yet another one; what its history is to say of that. While
   * another video of it may be on its way it is looked at again.
   */
  end(rename: Rename, outcomes?: readonly RenameOutcome[]): Promise<void>;
}

export interface RenameOutcome {
  readonly event: 'video.renamed' | 'video.rename-refused';
  readonly data: object;
}

export function createRenames({
  db,
  recordings,
}: {
  db: Database;
  recordings: Pick<Recordings, 'progress'>;
}): Renames {
  return {
    async due(nowMs, limit) {
      const rows = await db
        .selectFrom('renames')
        .innerJoin('recordings', 'recordings.id', 'renames.recording_id')
        .select(['renames.recording_id', 'looks', 'title', 'recordings.bytes'])
        .where('renames.not_before_ms', '<=', nowMs)
        .where((is) =>
          is.exists(
            is
              .selectFrom('stages')
              .select('stage')
              .whereRef('stages.recording_id', '=', 'renames.recording_id')
              .where(sql<boolean>`json_extract(fact, '$.videoId') is not null`),
          ),
        )
        .orderBy('renames.not_before_ms')
        .limit(limit)
        .execute();
      return await Promise.all(
        rows.map(async ({ recording_id, looks, title, bytes }) => ({
          recordingId: recording_id,
          videoIds: videosIn((await recordings.progress(recording_id)).facts).map(({ videoId }) => videoId),
          title,
          bytes: bytes === null ? null : Number(bytes),
          looks,
        })),
      );
    },

    async lookAgain({ recordingId, looks }, notBeforeMs) {
      await db
        .updateTable('renames')
        .set({ looks: looks + 1, not_before_ms: notBeforeMs })
        .where('recording_id', '=', recordingId)
        .where('looks', '=', looks)
        .execute();
    },

    async end({ recordingId, title }, outcomes = []) {
      await change(db, async (trx) => {
        const recording = await trx
          .selectFrom('recordings')
          .select(['title', 'state'])
          .where('id', '=', recordingId)
          .executeTakeFirst();
        if (recording?.title !== title) return;
        if (MOVABLE_STATES.includes(recording.state as State)) {
          const later = { not_before_ms: wallMs() + STILL_MOVING_MS };
          await trx.updateTable('renames').set(later).where('recording_id', '=', recordingId).execute();
        } else {
          await trx.deleteFrom('renames').where('recording_id', '=', recordingId).execute();
        }
        for (const { event, data } of outcomes) addEvent(trx, recordingId, event, data);
      });
    },
  };
}
