import type { Transaction } from 'kysely';
import { type Action, possibleActions, type RETRIED_TOGETHER, wrongState } from '../domain/actions.ts';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import { jobKey } from '../domain/job.ts';
import type { Recording } from '../domain/recording.ts';
import { wallMs } from '../lib/wall-time.ts';
import { addEvent } from './add-event.ts';
import {
  companionsOf,
  type Done,
  isAnnounced,
  isShown,
  publishAgain,
  rename,
  startDeletion,
} from './after-done.ts';
import { causeCode, causeService } from './causes.ts';
import { change } from './change.ts';
import type { Database } from './database.ts';
import { callOff } from './deliveries.ts';
import type { LedgerExtension } from './extension.ts';
import { hasStep } from './has-step.ts';
import { type NamedOutput, retryOutput, revokeOutput, type Stopped, stopOutput } from './output-acts.ts';
import { putOpen } from './output-stands.ts';
import { lockRecording } from './recording-rows.ts';
import { NEW_BEGINNING } from './renewal.ts';
import type { Tables } from './schema.ts';

/**
 * What an operator does with a recording. Each is one step: it is done, with its event, or it is refused with
 * `WRONG_STATE`; what is so already is left as it is. False: there is no such recording.
 *
 * A recording that is moving is its worker's: it only takes note of what is wanted, and the worker looks often.
 */
export interface Operator {
  /** It goes on at once, its attempts counted anew. */
  retry(id: string): Promise<boolean>;
  /** The same for as many at most of those that stand like this, the oldest first; returns their ids. */
  retryAlike(like: Alike, limit: number): Promise<string[]>;
  /**
   * One output of it is made after all, its attempts counted anew, and what reads its bytes; one that is done, or still to be, is
   * left as it is. A recording that was over goes on for that.
   */
  retryOutput(id: string, output: NamedOutput): Promise<boolean>;
  /** One output of it is not to be, nor what reads its bytes: what was made of it is taken back, under the gate like any move. */
  revokeOutput(id: string, output: NamedOutput): Promise<boolean>;
  /** The same of one that is not over yet: how it stands. `undefined`: there is no such recording. */
  stopOutput(id: string, output: NamedOutput): Promise<Stopped | undefined>;
  /** It stops for good. If it has made anything, that is taken back first, under the gate like any move. */
  cancel(id: string): Promise<boolean>;
  /** It leaves the line, and keeps what it has reached. */
  setAside(id: string): Promise<boolean>;
  /** It goes before all others that wait. */
  moveToFront(id: string): Promise<boolean>;
  /** It does not move before a time; 0: as soon as its turn comes. */
  schedule(id: string, notBeforeMs: number): Promise<boolean>;
  /** The same by somebody whose name the history is to say. */
  as(name: string): Operator;
  /** It gets another title: here, on the website if that has heard of it, and later with its publisher. */
  rename(id: string, title: string): Promise<boolean>;
  /** Its archived file is published once more; the video that there is stays until the new one can be watched. */
  publishAgain(id: string): Promise<boolean>;
  /**
   * All that was made of it is removed, under the gate like any move; the website is told at once.
   *
   * @param how.withCompanions What belongs to it goes with it.
   */
  delete(id: string, how: { withCompanions: boolean }): Promise<boolean>;
}

/** Recordings in one state, that the same thing keeps there if it is named. */
export interface Alike {
  readonly state: (typeof RETRIED_TOGETHER)[number];
  readonly code?: string | undefined;
  readonly service?: string | undefined;
}

/** What becomes of the row, and what its history says of that; `undefined`: it is so already. */
type Deed = Done | undefined;

export function createOperator(options: { db: Database; extensions: readonly LedgerExtension[] }): Operator {
  return operatorNamed(options, 'operator');
}

function operatorNamed(
  options: { db: Database; extensions: readonly LedgerExtension[] },
  by: string,
): Operator {
  const { db, extensions } = options;
  function act(
    id: string,
    action: Action,
    decide: (
      trx: Transaction<Tables>,
      recording: Recording,
      isPossible: boolean,
    ) => Promise<Deed | 'refused'>,
  ): Promise<boolean> {
    return change(db, async (trx) => {
      const recording = await lockRecording(trx, id);
      if (recording === undefined) return false;
      const terms = await termsOf(trx, id);
      const possible = possibleActions(recording, terms);

      const deed = await decide(trx, recording, possible.includes(action));
      if (deed === 'refused') throw wrongState(recording, action, possible);
      if (deed === undefined) return true;
      await trx.updateTable('recordings').set(deed.change).where('id', '=', id).execute();
      addEvent(trx, id, deed.event, { ...deed.data, by });
      return true;
    });
  }

  return {
    as: (name) => operatorNamed(options, name),

    retry: (id) =>
      act(id, 'retry', async (trx, { state, notBeforeMs }, isPossible) => {
        if (state === 'waiting' && notBeforeMs <= wallMs()) return undefined;
        if (!isPossible) return 'refused';
        await putOpen(trx, id, 'failed');
        return { change: NEW_BEGINNING, event: 'recording.retried', data: { from: state } };
      }),

    retryAlike: ({ state, code, service }, limit) =>
      change(db, async (trx) => {
        let alike = trx
          .selectFrom('recordings')
          .select('id')
          .where('state', '=', state)
          // What has ended for good stays so, and what has not is none of those that failed.
          .where((is) => is.or([is('state', '!=', 'failed'), is('natural_key', 'not like', jobKey('%'))]));
        if (code !== undefined) alike = alike.where(causeCode, '=', code as ErrorCode);
        if (service !== undefined) alike = alike.where(causeService, '=', service);
        const rows = await trx
          .updateTable('recordings')
          .set(NEW_BEGINNING)
          .where('id', 'in', alike.orderBy('seq').limit(limit))
          .returning('id')
          .execute();
        for (const { id } of rows) {
          await putOpen(trx, id, 'failed');
          addEvent(trx, id, 'recording.retried', { from: state, by });
        }
        return rows.map(({ id }) => id);
      }),

    retryOutput: (id, output) => change(db, (trx) => retryOutput(trx, id, output, by)),
    revokeOutput: (id, output) => change(db, (trx) => revokeOutput(trx, id, output, by)),
    stopOutput: (id, output) => change(db, (trx) => stopOutput(trx, id, output, by)),

    cancel: (id) =>
      act(id, 'cancel', async (trx, recording, isPossible) => {
        const { state, wanted } = recording;
        if (state === 'cancelled' || state === 'cancelling' || wanted === 'cancelled') return undefined;
        if (!isPossible) return 'refused';
        if (state === 'moving') return ask('cancelled');
        await callOff(trx, id);
        const counts = { place: 0, failed_attempts: 0, open_starts: 0, not_before_ms: 0 };
        if (await hasMadeSomething(trx, recording)) {
          const change = { ...counts, state: 'cancelling', lane: null, ended_at_ms: null };
          return { change, event: 'withdrawal.started', data: { from: state } };
        }
        const change = { ...counts, state: 'cancelled', ended_at_ms: wallMs(), last_error: null };
        return { change, event: 'recording.cancelled', data: { from: state } };
      }),

    setAside: (id) =>
      act(id, 'set-aside', async (_trx, { state, wanted }, isPossible) => {
        if (state === 'set-aside' || wanted === 'set-aside') return undefined;
        if (!isPossible) return 'refused';
        if (state === 'moving') return ask('set-aside');
        const change = { state: 'set-aside', place: 0, not_before_ms: 0, ended_at_ms: null };
        return { change, event: 'recording.set-aside', data: { from: state } };
      }),

    moveToFront: (id) =>
      act(id, 'move-to-front', async (trx, { seq }, isPossible) => {
        if (!isPossible) return 'refused';
        const first = await trx
          .selectFrom('recordings')
          .select(['seq', 'place'])
          .where('state', '=', 'waiting')
          .where('not_before_ms', '<=', wallMs())
          .orderBy('place')
          .orderBy('seq')
          .limit(1)
          .executeTakeFirst();
        if (first === undefined || Number(first.seq) === seq) return undefined;
        return { change: { place: Number(first.place) - 1 }, event: 'recording.moved-to-front' };
      }),

    schedule: (id, notBeforeMs) =>
      act(id, 'schedule', async (_trx, recording, isPossible) => {
        if (!isPossible) return 'refused';
        if (recording.notBeforeMs === notBeforeMs) return undefined;
        const notBefore = notBeforeMs === 0 ? null : new Date(notBeforeMs).toISOString();
        // One in line that waits for a time does so because a person has said so, whatever it has met before.
        const why = recording.state === 'waiting' ? { last_error: null } : {};
        const change = { not_before_ms: notBeforeMs, ...why };
        return { change, event: 'recording.scheduled', data: { notBefore } };
      }),

    rename: (id, title) =>
      act(id, 'rename', async (trx, recording, isPossible) => {
        if (!isPossible) return 'refused';
        return recording.title === title ? undefined : await rename(trx, recording, title, by);
      }),

    publishAgain: (id) =>
      act(id, 'publish-again', async (trx, recording, isPossible) => {
        if (recording.isFromArchive) return undefined;
        return isPossible ? await publishAgain(trx, recording, by) : 'refused';
      }),

    delete: (id, { withCompanions }) =>
      act(id, 'delete', async (trx, recording, isPossible) => {
        if (recording.state === 'deleting' || recording.state === 'deleted') return undefined;
        if (!isPossible) return 'refused';
        if (withCompanions) await deleteCompanions(trx, recording);
        return await startDeletion(trx, recording, extensions);
      }),
  };

  async function termsOf(trx: Transaction<Tables>, id: string) {
    return {
      isAnnounced: await isAnnounced(trx, id),
      isShown: await isShown(trx, id),
      nowMs: wallMs(),
    };
  }

  function ask(wanted: Recording['wanted']): Deed {
    return { change: { wanted }, event: 'stop.asked', data: { wanted } };
  }

  /** What belongs to a video and can be deleted goes with it; what is still on its way is cancelled by whoever wants that. */
  async function deleteCompanions(trx: Transaction<Tables>, video: Recording): Promise<void> {
    for (const companion of await companionsOf(trx, video)) {
      if (!possibleActions(companion, await termsOf(trx, companion.id)).includes('delete')) continue;
      const { change, event, data } = await startDeletion(trx, companion, extensions);
      await trx.updateTable('recordings').set(change).where('id', '=', companion.id).execute();
      addEvent(trx, companion.id, event, { ...data, with: video.id, by });
    }
  }

  /** Whether anything has to be taken back: what a stage has begun, or a tutor's upload, which is ours to remove. */
  async function hasMadeSomething(
    trx: Transaction<Tables>,
    { id, source, origin }: Recording,
  ): Promise<boolean> {
    if (source === 'manual' && origin.kind === 'file' && !origin.keep) return true;
    return await hasStep(trx, id);
  }
}
