import type { Transaction, Updateable } from 'kysely';
import { type ErrorSummary, leaseLost, stopAsked } from '../domain/errors.ts';
import { trackingIdOf } from '../domain/job.ts';
import type { Ending } from '../domain/output-stand.ts';
import { MOVABLE_STATES, type State } from '../domain/recording.ts';
import { wallMs } from '../lib/wall-time.ts';
import { addEvent } from './add-event.ts';
import { isAnnounced, restoreStages } from './after-done.ts';
import { change } from './change.ts';
import { forgetClaims, type Made, setClaims } from './claim-rows.ts';
import type { Database } from './database.ts';
import { callOff, insertDelivery, type NewDelivery } from './deliveries.ts';
import type { EventType } from './events.ts';
import { cameInTime, expectLate, type LateEffect } from './late-looks.ts';
import { hasOpenOutputs, putEnding, putOver } from './output-stands.ts';
import { foldRepeats } from './postponed.ts';
import { recallSteps } from './recall.ts';
import { laneColumn } from './recording-rows.ts';
import { renew } from './renewal.ts';
import type { Tables } from './schema.ts';
import { forgetToken } from './tokens.ts';

/** What the ledger has to know of a step. */
export interface StepKind {
  readonly task: string;
  /** Once begun it can no longer be stopped. */
  readonly isFinal: boolean;
  /** It is gone through once more when its recording is published again. */
  readonly isAgain: boolean;
  readonly movesBytes: boolean;
  /** It ends by itself, whatever becomes of its recording. */
  readonly isOutput?: boolean;
}

/**
 * What the worker that holds the gate records of the recording that it moves. Every call carries the fence of its lease,
 * and fails with `LEASE_LOST`, changing nothing, once another worker has the gate.
 */
export interface Moves {
  /**
   * Makes it the one that is moving, and counts the start until the attempt ends in an orderly way. False: an operator
   * has other plans for it.
   */
  startAttempt(id: string, fence: number): Promise<boolean>;
  /** @throws KnownError `STOP_ASKED`: what is announced can no longer be stopped, and this one is to be. */
  startStage(id: string, step: string, fence: number, of: StepKind): Promise<void>;
  /** @param made All that it has made outside so far; absent of a step that makes nothing there. */
  saveCheckpoint(id: string, step: string, checkpoint: unknown, fence: number, made?: Made): Promise<void>;
  /**
   * @param more.recalls The tasks that the companions of the recording go through once more for it.
   * @param more.isSecured What the recording came as need not lie on the disk any more
   */
  finishStage(
    id: string,
    step: string,
    fact: object,
    fence: number,
    made?: Made,
    more?: { readonly recalls?: readonly string[]; readonly isSecured?: boolean },
  ): Promise<void>;
  /** Forgets what a stage has proved and what it would resume from, because the disk no longer bears it out. */
  undoStage(id: string, step: string, reason: string, fence: number): Promise<void>;

  // A step that ends by itself, see `Ending`.

  /** An attempt at it has failed, and there is to be another one. */
  outputFailed(id: string, step: string, error: ErrorSummary, fence: number): Promise<void>;
  /** It is to end: what it has made is to be taken back first. */
  endOutput(
    id: string,
    step: string,
    how: { readonly ending: Ending; readonly error?: ErrorSummary | undefined },
    fence: number,
  ): Promise<void>;
  /** It has ended as it was to: nothing of what it had made is left. */
  outputEnded(id: string, step: string, fence: number): Promise<void>;

  /**
   * Notes that something which is about to be asked of a service, or was given up there, may take effect late. Asked for
   * again, it is expected again, from the beginning.
   */
  expectLate(expected: LateEffect, fence: number): Promise<void>;
  /** It was answered: there is nothing to look for, unless it was expected more than once. */
  cameInTime(expected: LateEffect, fence: number): Promise<void>;

  /** Adds to its history. */
  note(id: string, type: EventType, data: object, fence: number): Promise<void>;

  /**
   * It is done; the announcement of that, if there is to be one, goes to the outbox in the same step. False: somebody has asked
   * for an output meanwhile, or revoked one, and it goes on.
   */
  finish(id: string, fence: number, announcement?: NewDelivery): Promise<boolean>;

  /** Has it wait in another lane, where it is to be gone on with. */
  handOver(id: string, lane: string, fence: number): Promise<void>;

  // However an attempt ends that has not finished it: if an operator wants it set aside or cancelled, it becomes that.

  /** Puts it back in line without counting an attempt. */
  giveBack(id: string, reason: string, fence: number): Promise<void>;
  /**
   * Puts it back in line until a time, without counting an attempt: the world is not ready. Of a wait that goes on for
   * the same reason the history keeps the first time and the last, with how many there were.
   */
  postpone(id: string, error: ErrorSummary, notBeforeMs: number, fence: number): Promise<void>;
  /** @param how.isCounted Whether it has cost the recording an attempt; an output counts its own. Default: it has. */
  backOff(
    id: string,
    error: ErrorSummary,
    notBeforeMs: number,
    fence: number,
    how?: { readonly isCounted: boolean },
  ): Promise<void>;
  /**
   * Gives it up, and writes the announcement of that, if there is to be one, to the outbox in the same step. One that was done before
   * stays done, nobody is told, and what was to be made anew has failed.
   */
  fail(id: string, error: ErrorSummary, announcement: NewDelivery | undefined, fence: number): Promise<void>;

  /**
   * Forgets what the stages of one that was being cancelled or deleted had made; one that was being published again is as it
   * was before that. True: a door has brought it again meanwhile, and it
   * waits for its new beginning.
   */
  withdrawn(id: string, fence: number): Promise<boolean>;
  /** Not all could be taken back; it is tried again at a time. */
  withdrawalFailed(id: string, error: ErrorSummary, notBeforeMs: number, fence: number): Promise<void>;
}

/** How one stands that is done. */
const OVER = {
  last_error: null,
  not_before_ms: 0,
  open_starts: 0,
  wanted: null,
  lane: null,
  kept_stages: null,
  is_reopened: null,
} as const satisfies Partial<Tables['recordings']>;

/** @param host Where this process runs; unset: there is one host alone. */
export function createMoves({ db, host }: { db: Database; host: string | undefined }): Moves {
  type Change = Transaction<Tables>;

  /** Takes these steps in one change, if the gate's lease is still the one with this fence. */
  function fenced<T = void>(fence: number, steps: (trx: Change) => Promise<T>): Promise<T> {
    return change(db, async (trx) => {
      const held = await trx.updateTable('gate').set({ fence }).where('fence', '=', fence).executeTakeFirst();
      if (held.numUpdatedRows === 0n) throw leaseLost();
      return await steps(trx);
    });
  }

  function moveTo(trx: Change, id: string, state: State, more: Partial<Tables['recordings']> = {}) {
    return trx
      .updateTable('recordings')
      .set({ state, ...more })
      .where('id', '=', id)
      .execute();
  }

  function updateStage(trx: Change, id: string, stage: string, change: Updateable<Tables['stages']>) {
    return trx
      .updateTable('stages')
      .set(change)
      .where('recording_id', '=', id)
      .where('stage', '=', stage)
      .execute();
  }

  function count(trx: Change, id: string, column: 'failed_attempts' | 'open_starts') {
    return trx
      .updateTable('recordings')
      .set((row) => ({ [column]: row(column, '+', 1) }))
      .where('id', '=', id)
      .execute();
  }

  /** What it brings lies on this host from now on, unless it is known to lie on one. */
  async function settleHere(trx: Change, id: string) {
    const is_bound = 0;
    await trx
      .updateTable('recordings')
      .set({ host: host ?? null, is_bound })
      .where('id', '=', id)
      .where((is) => is.or([is('is_bound', 'is', null), is('is_bound', '=', is_bound)]))
      .execute();
  }

  async function stands(trx: Change, id: string) {
    return await trx
      .selectFrom('recordings')
      .select(['state', 'wanted', 'renewal', 'kept_stages', 'is_reopened', 'natural_key'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
  }

  /** Ends an attempt in this state, unless an operator wants another one; false if so. */
  async function endAttempt(
    trx: Change,
    id: string,
    state: State,
    more: Partial<Tables['recordings']> = {},
  ): Promise<boolean> {
    const { wanted } = await stands(trx, id);
    if (wanted === null) {
      await moveTo(trx, id, state, { ...more, open_starts: 0 });
      return true;
    }
    const isCancelled = wanted === 'cancelled';
    if (isCancelled) await callOff(trx, id);
    await moveTo(trx, id, isCancelled ? 'cancelling' : 'set-aside', {
      wanted: null,
      lane: null,
      place: 0,
      not_before_ms: 0,
      open_starts: 0,
      ...(isCancelled ? { failed_attempts: 0 } : {}),
    });
    const data = { from: 'moving', by: 'operator' };
    addEvent(trx, id, isCancelled ? 'withdrawal.started' : 'recording.set-aside', data);
    return false;
  }

  /** What was to be made anew of one that is done cannot be, for want of what it is made of. */
  async function endReopened(trx: Change, id: string, error: ErrorSummary): Promise<void> {
    const open = await trx
      .selectFrom('stages')
      .select(['stage', 'ending'])
      .where('recording_id', '=', id)
      .where('is_output', '=', 1)
      .where('fact', 'is', null)
      .where('ended_at_ms', 'is', null)
      .execute();
    for (const { stage, ending } of open) {
      if (ending === null) await putEnding(trx, id, stage, { ending: 'failed', error });
      await putOver(trx, id, stage);
    }
    addEvent(trx, id, 'attempt.failed', { ...error });
    await moveTo(trx, id, 'done', { ...OVER, ended_at_ms: wallMs() });
    addEvent(trx, id, 'outputs.settled', {});
  }

  return {
    startAttempt: (id, fence) =>
      fenced(fence, async (trx) => {
        const { state, wanted } = await stands(trx, id);
        // Left by a worker that died before it looked.
        if (wanted !== null) await endAttempt(trx, id, 'waiting');
        if (wanted !== null || !MOVABLE_STATES.includes(state as State)) return false;
        await moveTo(trx, id, 'moving');
        if (host !== undefined) await settleHere(trx, id);
        await count(trx, id, 'open_starts');
        await trx
          .updateTable('recordings')
          .set({ started_at_ms: wallMs() })
          .where('id', '=', id)
          .where('started_at_ms', 'is', null)
          .execute();
        addEvent(trx, id, 'attempt.started', { fence });
        return true;
      }),

    startStage: (id, stage, fence, { task, isFinal, isAgain, movesBytes, isOutput = false }) =>
      fenced(fence, async (trx) => {
        const nowMs = wallMs();
        if (isFinal && (await stands(trx, id)).wanted !== null) throw stopAsked();
        const kind = {
          task,
          is_final: Number(isFinal),
          is_again: Number(isAgain),
          moves_bytes: Number(movesBytes),
          is_output: Number(isOutput),
          started_at_ms: nowMs,
        };
        await trx
          .insertInto('stages')
          .values({ recording_id: id, stage, ...kind })
          .onConflict((conflict) => conflict.columns(['recording_id', 'stage']).doUpdateSet(kind))
          .execute();
        addEvent(trx, id, 'stage.started', { stage });
      }),

    saveCheckpoint: (id, stage, checkpoint, fence, made) =>
      fenced(fence, async (trx) => {
        const service = made?.service ?? null;
        await updateStage(trx, id, stage, { checkpoint: JSON.stringify(checkpoint), service });
        await setClaims(trx, id, stage, made);
      }),

    finishStage: (id, stage, fact, fence, made, { recalls = [], isSecured = false } = {}) =>
      fenced(fence, async (trx) => {
        const service = made?.service ?? null;
        const proved = { fact: JSON.stringify(fact), service, done_at_ms: wallMs() };
        await updateStage(trx, id, stage, { ...proved, failed_attempts: 0 });
        await setClaims(trx, id, stage, made);
        // A recording that gets on is none that kills its workers.
        const bytes = 'bytes' in fact && typeof fact.bytes === 'number' ? { bytes: fact.bytes } : {};
        await trx
          .updateTable('recordings')
          .set({ open_starts: 1, ...bytes, ...(isSecured && host !== undefined ? { is_bound: 0 } : {}) })
          .where('id', '=', id)
          .execute();
        addEvent(trx, id, 'stage.done', { stage });
        if (recalls.length > 0) await recallSteps(trx, id, recalls);
      }),

    undoStage: (id, stage, reason, fence) =>
      fenced(fence, async (trx) => {
        await updateStage(trx, id, stage, { fact: null, checkpoint: null, service: null, done_at_ms: null });
        await forgetClaims(trx, id, stage);
        addEvent(trx, id, 'stage.undone', { stage, reason });
      }),

    outputFailed: (id, stage, error, fence) =>
      fenced(fence, async (trx) => {
        await trx
          .updateTable('stages')
          .set((row) => ({
            error: JSON.stringify(error),
            failed_attempts: row('failed_attempts', '+', 1),
          }))
          .where('recording_id', '=', id)
          .where('stage', '=', stage)
          .where('ending', 'is', null)
          .execute();
      }),

    endOutput: (id, stage, how, fence) => fenced(fence, (trx) => putEnding(trx, id, stage, how)),
    outputEnded: (id, stage, fence) => fenced(fence, (trx) => putOver(trx, id, stage)),

    expectLate: (expected, fence) => fenced(fence, (trx) => expectLate(trx, expected)),
    cameInTime: (expected, fence) => fenced(fence, (trx) => cameInTime(trx, expected)),

    note: (id, type, data, fence) => fenced(fence, async (trx) => addEvent(trx, id, type, data)),

    finish: (id, fence, announcement) =>
      fenced(fence, async (trx) => {
        if (await hasOpenOutputs(trx, id)) {
          addEvent(trx, id, 'attempt.interrupted', { reason: 'an output was asked for, or revoked' });
          await endAttempt(trx, id, 'waiting', { lane: null, last_error: null });
          return false;
        }
        const { wanted, kept_stages: kept, is_reopened: isReopened } = await stands(trx, id);
        // Nothing has told anybody of it: what announces has refused to begin, and would have come before.
        if (wanted === 'cancelled' && !(await isAnnounced(trx, id))) {
          addEvent(trx, id, 'attempt.interrupted', { reason: 'an operator has asked' });
          await endAttempt(trx, id, 'waiting');
          return false;
        }
        await moveTo(trx, id, 'done', { ...OVER, ended_at_ms: wallMs() });
        await forgetToken(trx, id);
        if (announcement !== undefined) await insertDelivery(trx, announcement);
        const done = isReopened === null ? 'recording.done' : 'outputs.settled';
        addEvent(trx, id, kept === null ? done : 'publish-again.done', {});
        return true;
      }),

    handOver: (id, lane, fence) =>
      fenced(fence, async (trx) => {
        addEvent(trx, id, 'lane.changed', { lane });
        await endAttempt(trx, id, 'waiting', { lane: laneColumn(lane), last_error: null });
      }),

    giveBack: (id, reason, fence) =>
      fenced(fence, async (trx) => {
        addEvent(trx, id, 'attempt.interrupted', { reason });
        await endAttempt(trx, id, 'waiting');
      }),

    postpone: (id, error, notBeforeMs, fence) =>
      fenced(fence, async (trx) => {
        const repeats = await foldRepeats(trx, id, error.code);
        addEvent(trx, id, 'attempt.postponed', { ...error, notBeforeMs, ...repeats });
        await endAttempt(trx, id, 'waiting', {
          last_error: JSON.stringify(error),
          not_before_ms: notBeforeMs,
        });
      }),

    backOff: (id, error, notBeforeMs, fence, { isCounted } = { isCounted: true }) =>
      fenced(fence, async (trx) => {
        addEvent(trx, id, 'attempt.failed', { ...error, notBeforeMs });
        const change = { last_error: JSON.stringify(error), not_before_ms: notBeforeMs };
        const isBackingOff = await endAttempt(trx, id, 'backing-off', change);
        if (isBackingOff && isCounted) await count(trx, id, 'failed_attempts');
      }),

    fail: (id, error, announcement, fence) =>
      fenced(fence, async (trx) => {
        if ((await stands(trx, id)).is_reopened !== null) return await endReopened(trx, id, error);
        const change = { last_error: JSON.stringify(error), ended_at_ms: wallMs() };
        if (await endAttempt(trx, id, 'failed', change)) {
          await count(trx, id, 'failed_attempts');
          if (announcement !== undefined) await insertDelivery(trx, announcement);
          addEvent(trx, id, 'recording.failed', { ...error });
        } else {
          addEvent(trx, id, 'attempt.failed', { ...error });
        }
      }),

    withdrawn: (id, fence) =>
      fenced(fence, async (trx) => {
        const { renewal, state, kept_stages: kept, natural_key: naturalKey } = await stands(trx, id);
        const over = { ended_at_ms: wallMs(), last_error: null, not_before_ms: 0, failed_attempts: 0 };
        if (state === 'cancelling' && kept !== null) {
          await restoreStages(trx, id);
          await moveTo(trx, id, 'done', { ...over, renewal: null });
          addEvent(trx, id, 'publish-again.given-up', { by: 'operator' });
          return false;
        }
        const left = trx.deleteFrom('stages').where('recording_id', '=', id);
        // What a job has told of an output that had failed stays true.
        const isJob = trackingIdOf({ naturalKey }) !== undefined;
        await (isJob
          ? left.where((is) => is.or([is('ending', 'is', null), is('ending', '!=', 'failed')]))
          : left
        ).execute();
        await trx.deleteFrom('claims').where('recording_id', '=', id).execute();
        const isDeleted = state === 'deleting';
        const forgotten = { is_renamed: null, earlier_videos: null, kept_stages: null };
        await moveTo(trx, id, isDeleted ? 'deleted' : 'cancelled', {
          ...over,
          ...(isDeleted ? forgotten : {}),
        });
        addEvent(trx, id, isDeleted ? 'recording.deleted' : 'recording.cancelled', { by: 'operator' });
        if (renewal === null) return false;
        await renew(trx, id, JSON.parse(renewal));
        return true;
      }),

    withdrawalFailed: (id, error, notBeforeMs, fence) =>
      fenced(fence, async (trx) => {
        const last_error = JSON.stringify(error);
        const { state } = await stands(trx, id);
        await moveTo(trx, id, state as State, { last_error, not_before_ms: notBeforeMs });
        await count(trx, id, 'failed_attempts');
        addEvent(trx, id, 'withdrawal.failed', { ...error, notBeforeMs });
      }),
  };
}
