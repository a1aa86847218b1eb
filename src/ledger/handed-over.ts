import type { Selectable } from 'kysely';
import type { HandedDone, HandedFailure } from '../domain/handed-over.ts';
import { wallMs } from '../lib/wall-time.ts';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';

/** Where the files of a job lie on the host that has handed it over, and what it may write. */
export interface HandedFiles {
  readonly inputPath: string;
  readonly inputType: string;
  readonly inputBytes: number;
  /** What the input was when it was handed over. */
  readonly contentId: string;
  /** What is written comes into this folder. */
  readonly folder: string;
  /** All outputs together. */
  readonly maxBytes: number;
}

/**
 * - `open`: nobody has said what became of it
 * - `done`, `failed`: the program elsewhere has said so
 * - `closed`: nobody waits for it any more, so that what it says changes nothing
 */
export type HandedState = 'open' | 'done' | 'failed' | 'closed';

/** A step that was handed over, as one job of a program elsewhere. */
export interface HandedJob {
  /** A UUID. */
  readonly id: string;
  readonly recordingId: string;
  readonly step: string;
  readonly state: HandedState;
  /** The executor has taken it. */
  readonly hasBegun: boolean;
  /** What it is called there. */
  readonly ref: string | null;
  /** SHA-256 of what opens the callback, and of what opens the files, in hex. */
  readonly tokenHash: string;
  readonly filesHash: string;
  readonly files: HandedFiles;
  /** Rises each time that something is heard of it. */
  readonly heardCount: number;
  readonly doneS: number;
  readonly totalS: number;
  /** Of one that is done what was made, of one that has failed why. */
  readonly end: HandedDone | HandedFailure | null;
}

export interface HandedOver {
  add(
    job: Pick<HandedJob, 'id' | 'recordingId' | 'step' | 'tokenHash' | 'filesHash' | 'files'>,
  ): Promise<void>;
  get(id: string): Promise<HandedJob | undefined>;
  /** Those of a step that are not closed, the newest first. */
  of(recordingId: string, step: string): Promise<HandedJob[]>;
  begun(id: string, ref: string | null): Promise<void>;
  /** Something was heard of an open one; false: it is not open any more. */
  heard(id: string, progress?: { readonly doneS: number; readonly totalS: number }): Promise<boolean>;
  /** An open one has ended; false: it is not open any more. */
  ended(id: string, state: 'done' | 'failed', end: HandedDone | HandedFailure): Promise<boolean>;
  /** Nobody waits for it any more. */
  close(id: string): Promise<void>;
  /** Forgets those that are closed and were made before this time. */
  forget(beforeMs: number): Promise<void>;
}

export function createHandedOver({ db }: { db: Database }): HandedOver {
  return {
    async add({ id, recordingId, step, tokenHash, filesHash, files }) {
      await db
        .insertInto('handed_over')
        .values({
          id,
          recording_id: recordingId,
          step,
          state: 'open',
          has_begun: 0,
          ref: null,
          token_hash: tokenHash,
          files_hash: filesHash,
          files: JSON.stringify(files),
          heard_count: 0,
          done_s: 0,
          total_s: 0,
          end: null,
          created_at_ms: wallMs(),
        })
        .execute();
    },

    async get(id) {
      const row = await db.selectFrom('handed_over').selectAll().where('id', '=', id).executeTakeFirst();
      return row && toJob(row);
    },

    async of(recordingId, step) {
      const rows = await db
        .selectFrom('handed_over')
        .selectAll()
        .where('recording_id', '=', recordingId)
        .where('step', '=', step)
        .where('state', '!=', 'closed')
        .orderBy('created_at_ms', 'desc')
        .orderBy('id')
        .execute();
      return rows.map(toJob);
    },

    async begun(id, ref) {
      await db.updateTable('handed_over').set({ has_begun: 1, ref }).where('id', '=', id).execute();
    },

    async heard(id, progress) {
      const { numUpdatedRows } = await db
        .updateTable('handed_over')
        .set(({ eb }) => ({
          heard_count: eb('heard_count', '+', 1),
          ...(progress && { done_s: progress.doneS, total_s: progress.totalS }),
        }))
        .where('id', '=', id)
        .where('state', '=', 'open')
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    async ended(id, state, end) {
      const { numUpdatedRows } = await db
        .updateTable('handed_over')
        .set({ state, end: JSON.stringify(end) })
        .where('id', '=', id)
        .where('state', '=', 'open')
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    async close(id) {
      await db.updateTable('handed_over').set({ state: 'closed' }).where('id', '=', id).execute();
    },

    async forget(beforeMs) {
      await db
        .deleteFrom('handed_over')
        .where('state', '=', 'closed')
        .where('created_at_ms', '<', beforeMs)
        .execute();
    },
  };
}

function toJob(row: Selectable<Tables['handed_over']>): HandedJob {
  return {
    id: row.id,
    recordingId: row.recording_id,
    step: row.step,
    state: row.state as HandedState,
    hasBegun: row.has_begun === 1,
    ref: row.ref,
    tokenHash: row.token_hash,
    filesHash: row.files_hash,
    files: JSON.parse(row.files),
    heardCount: Number(row.heard_count),
    doneS: row.done_s,
    totalS: row.total_s,
    end: row.end === null ? null : JSON.parse(row.end),
  };
}
