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
  /** The worker that has come for it; none: nobody has, or it was sent. */
  readonly takenBy: string | null;
}

/** What waits until a worker comes for it: all that it is told but the secrets. */
export interface OfferedJob {
  readonly task: string;
  readonly params: unknown;
  readonly inputName: string;
  /** Where the host is reached on whose disk its files lie, without a slash at the end. */
  readonly baseUrl: string;
}

/** What opens the callback and the files of a job, as SHA-256 in hex. */
export type HandedSecrets = Pick<HandedJob, 'tokenHash' | 'filesHash'>;

export interface HandedOver {
  add(
    job: Pick<HandedJob, 'id' | 'recordingId' | 'step' | 'tokenHash' | 'filesHash' | 'files'>,
  ): Promise<void>;
  get(id: string): Promise<HandedJob | undefined>;
  /** Those of a step that are not closed, the newest first. */
  of(recordingId: string, step: string): Promise<HandedJob[]>;
  begun(id: string, ref: string | null): Promise<void>;
  /** Has one wait until a worker comes for it. */
  offer(id: string, offer: OfferedJob): Promise<void>;
  /** Gives a worker the one of these tasks that has waited longest, which these secrets open from now on; `undefined`: none waits. */
  take(
    workerId: string,
    tasks: readonly string[],
    secrets: HandedSecrets,
  ): Promise<{ readonly id: string; readonly offer: OfferedJob } | undefined>;
  /** Those that these workers have. */
  takenBy(workerIds: readonly string[]): Promise<HandedJob[]>;
  /** How many wait for a worker, by their task, and since when the first of them does. */
  offered(): Promise<{ readonly task: string; readonly count: number; readonly sinceMs: number }[]>;
  /** Something was heard of an open one; false: it is not open any more. */
  heard(id: string, progress?: { readonly doneS: number; readonly totalS: number }): Promise<boolean>;
  /** An open one has ended; false: it is not open any more. */
  ended(id: string, state: 'done' | 'failed', end: HandedDone | HandedFailure): Promise<boolean>;
  /** Nobody waits for it any more. */
  close(id: string): Promise<void>;
  /** Forgets those that are closed and were made before this time. */
  forget(beforeMs: number): Promise<void>;
}

/** So many are tried for one worker while others come for the same. */
const MOST_TRIED = 10;

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
          ...{ task: null, offer: null, taken_by: null },
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

    async offer(id, offer) {
      await db
        .updateTable('handed_over')
        .set({ task: offer.task, offer: JSON.stringify(offer) })
        .where('id', '=', id)
        .execute();
    },

    async take(workerId, tasks, { tokenHash, filesHash }) {
      const waiting = await db
        .selectFrom('handed_over')
        .select(['id', 'offer'])
        .where('state', '=', 'open')
        .where('taken_by', 'is', null)
        .where('task', 'in', tasks)
        .orderBy('created_at_ms')
        .orderBy('id')
        .limit(MOST_TRIED)
        .execute();
      for (const { id, offer } of waiting) {
        // Of several that come for it at once one gets it.
        const { numUpdatedRows } = await db
          .updateTable('handed_over')
          .set(({ eb }) => ({
            taken_by: workerId,
            token_hash: tokenHash,
            files_hash: filesHash,
            heard_count: eb('heard_count', '+', 1),
          }))
          .where('id', '=', id)
          .where('state', '=', 'open')
          .where('taken_by', 'is', null)
          .executeTakeFirst();
        if (numUpdatedRows > 0n && offer !== null) return { id, offer: JSON.parse(offer) as OfferedJob };
      }
      return undefined;
    },

    async takenBy(workerIds) {
      if (workerIds.length === 0) return [];
      const rows = await db
        .selectFrom('handed_over')
        .selectAll()
        .where('taken_by', 'in', workerIds)
        .where('state', '=', 'open')
        .orderBy('created_at_ms')
        .execute();
      return rows.map(toJob);
    },

    async offered() {
      const rows = await db
        .selectFrom('handed_over')
        .select(({ fn }) => [
          'task',
          fn.countAll<number>().as('count'),
          fn.min<number>('created_at_ms').as('since_ms'),
        ])
        .where('state', '=', 'open')
        .where('taken_by', 'is', null)
        .where('task', 'is not', null)
        .groupBy('task')
        .orderBy('task')
        .execute();
      return rows.map(({ task, count, since_ms: sinceMs }) => ({
        task: task ?? '',
        count: Number(count),
        sinceMs: Number(sinceMs),
      }));
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
    takenBy: row.taken_by,
  };
}
