import { randomUUID } from 'node:crypto';
import type { Kysely, Transaction, Updateable } from 'kysely';
import type { Delivery, DeliveryAttempt, DeliveryState } from '../domain/delivery.ts';
import type { ErrorSummary } from '../domain/errors.ts';
import { wallMs } from '../lib/wall-time.ts';
import { change, nextNumber } from './change.ts';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';
import { toWaitingItem, type WaitingItem } from './waiting.ts';

export interface NewDelivery {
  readonly recordingId: string;
  readonly type: string;
  /** What makes it the same announcement again; by default its type. */
  readonly occasion?: string;
  readonly body: string;
  /** The address of a run that alone hears of it; absent: the website does, and the run's address if it has one. */
  readonly url?: string;
}

/** Of how many attempts at an announcement it is kept how they went. */
const ATTEMPTS_KEPT = 20;

/** The outbox. */
export interface Deliveries {
  /** Writes an announcement, once per recording and occasion: a repeat returns the first one's id, its body unchanged. */
  add(delivery: NewDelivery): Promise<{ id: string }>;
  get(id: string): Promise<Delivery | undefined>;
  ofRecording(recordingId: string): Promise<Delivery[]>;
  /** What the website has not heard yet, oldest first; with a limit only so many. */
  pending(afterSeq?: number, limit?: number): Promise<WaitingItem[]>;
  /** The same of the addresses of runs. */
  pendingToRuns(afterSeq?: number, limit?: number): Promise<WaitingItem[]>;
  /**
   * Why the website has not heard something, by the last announcement that met an error and waits or was given up;
   * `undefined` if there is none.
   */
  lastError(): Promise<ErrorSummary | undefined>;
  counts(): Promise<Record<DeliveryState, number>>;
  /** How many the website will not hear: no attempt is left, or it has refused them for good. */
  givenUpCount(): Promise<number>;
  /** Those, the newest first. */
  givenUp(limit: number): Promise<Delivery[]>;
  /** Announcements of all recordings, the newest first; of one state, or all. */
  newest(state: DeliveryState | undefined, limit: number): Promise<(Delivery & { readonly title: string })[]>;
  /** Keeps how an attempt went; of each announcement the last ones. */
  attempted(id: string, attempt: DeliveryAttempt): Promise<void>;
  /** How the attempts at an announcement went, the last one first. */
  attemptsAt(id: string): Promise<DeliveryAttempt[]>;
  delivered(id: string): Promise<void>;
  backOff(id: string, error: ErrorSummary, notBeforeMs: number): Promise<void>;
  fail(id: string, error: ErrorSummary): Promise<void>;
  /** Holds an announcement back until a time, without counting an attempt. */
  postpone(id: string, error: ErrorSummary, notBeforeMs: number): Promise<void>;
  /** Sends an announcement anew, whatever became of it, with its id and body; false if there is none. */
  replay(id: string): Promise<boolean>;
}

export function createDeliveries({ db }: { db: Database }): Deliveries {
  return {
    add: (delivery) => change(db, (trx) => insertDelivery(trx, delivery)),

    async get(id) {
      const row = await db.selectFrom('deliveries').selectAll().where('id', '=', id).executeTakeFirst();
      return row && toDelivery(row);
    },

    async ofRecording(recordingId) {
      const rows = await db
        .selectFrom('deliveries')
        .selectAll()
        .where('recording_id', '=', recordingId)
        .orderBy('seq')
        .execute();
      return rows.map(toDelivery);
    },

    pending: (afterSeq, limit) => pendingTo('is', afterSeq, limit),
    pendingToRuns: (afterSeq, limit) => pendingTo('is not', afterSeq, limit),

    async lastError() {
      for (const state of ['pending', 'failed'] as const) {
        const row = await db
          .selectFrom('deliveries')
          .select('last_error')
          .where('state', '=', state)
          .where('url', 'is', null)
          .where('last_error', 'is not', null)
          .orderBy('seq', 'desc')
          .limit(1)
          .executeTakeFirst();
        if (row?.last_error) return JSON.parse(row.last_error);
      }
      return undefined;
    },

    async counts() {
      const rows = await db
        .selectFrom('deliveries')
        .select((select) => ['state', select.fn.countAll<number>().as('count')])
        .groupBy('state')
        .execute();
      const none: Record<DeliveryState, number> = { pending: 0, delivered: 0, failed: 0 };
      return { ...none, ...Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)])) };
    },

    async givenUpCount() {
      const row = await db
        .selectFrom('deliveries')
        .select((select) => select.fn.countAll<number>().as('count'))
        .where('state', '=', 'failed')
        .where('url', 'is', null)
        .executeTakeFirst();
      return Number(row?.count ?? 0);
    },

    async givenUp(limit) {
      const rows = await db
        .selectFrom('deliveries')
        .selectAll()
        .where('state', '=', 'failed')
        .where('url', 'is', null)
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute();
      return rows.map(toDelivery);
    },

    async newest(state, limit) {
      const all = db
        .selectFrom('deliveries')
        .innerJoin('recordings', 'recordings.id', 'deliveries.recording_id')
        .selectAll('deliveries')
        .select('recordings.title')
        .orderBy('deliveries.seq', 'desc')
        .limit(limit);
      const rows = await (state === undefined ? all : all.where('deliveries.state', '=', state)).execute();
      return rows.map((row) => ({ ...toDelivery(row), title: row.title }));
    },

    async attempted(id, { atMs, tookMs, status, answer, error }) {
      await change(db, async (trx) => {
        await trx
          .insertInto('delivery_attempts')
          .values({
            delivery_id: id,
            at_ms: atMs,
            took_ms: tookMs,
            status,
            answer,
            error: error === null ? null : JSON.stringify(error),
          })
          .execute();
        const kept = await trx
          .selectFrom('delivery_attempts')
          .select('at_ms')
          .where('delivery_id', '=', id)
          .orderBy('at_ms', 'desc')
          .offset(ATTEMPTS_KEPT - 1)
          .limit(1)
          .executeTakeFirst();
        if (kept === undefined) return;
        await trx
          .deleteFrom('delivery_attempts')
          .where('delivery_id', '=', id)
          .where('at_ms', '<', kept.at_ms)
          .execute();
      });
    },

    async attemptsAt(id) {
      const rows = await db
        .selectFrom('delivery_attempts')
        .selectAll()
        .where('delivery_id', '=', id)
        .orderBy('at_ms', 'desc')
        .execute();
      return rows.map((row) => ({
        atMs: Number(row.at_ms),
        tookMs: row.took_ms,
        status: row.status,
        answer: row.answer,
        error: row.error === null ? null : JSON.parse(row.error),
      }));
    },

    // What was heard was heard; of what was given up meanwhile a failure is no news.
    delivered: (id) =>
      count({ state: 'delivered', last_error: null, ended_at_ms: wallMs() })
        .where('id', '=', id)
        .execute()
        .then(() => {}),
    backOff: (id, error, notBeforeMs) =>
      countPending(id, { last_error: JSON.stringify(error), not_before_ms: notBeforeMs }),
    fail: (id, error) =>
      countPending(id, {
        state: 'failed',
        last_error: JSON.stringify(error),
        ended_at_ms: wallMs(),
      }),

    async postpone(id, error, notBeforeMs) {
      const last_error = JSON.stringify(error);
      await db
        .updateTable('deliveries')
        .set({ last_error, not_before_ms: notBeforeMs })
        .where('id', '=', id)
        .where('state', '=', 'pending')
        .execute();
    },

    async replay(id) {
      const result = await db
        .updateTable('deliveries')
        .set({ state: 'pending', attempts: 0, not_before_ms: 0, ended_at_ms: null })
        .where('id', '=', id)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },
  };

  async function pendingTo(whom: 'is' | 'is not', afterSeq = 0, limit?: number): Promise<WaitingItem[]> {
    const all = db
      .selectFrom('deliveries')
      .select(['id', 'seq', 'not_before_ms'])
      .where('state', '=', 'pending')
      .where('url', whom, null)
      .where('seq', '>', afterSeq)
      .orderBy('seq');
    const rows = await (limit === undefined ? all : all.limit(limit)).execute();
    return rows.map(toWaitingItem);
  }

  function count(values: Updateable<Tables['deliveries']>) {
    return db.updateTable('deliveries').set((row) => ({ ...values, attempts: row('attempts', '+', 1) }));
  }

  async function countPending(id: string, values: Updateable<Tables['deliveries']>): Promise<void> {
    await count(values).where('id', '=', id).where('state', '=', 'pending').execute();
  }
}

/**
 * Writes an announcement to the outbox, alone or as a part of a larger change; and once more for the address of a run,
 * which hears all that the website hears of it.
 */
export async function insertDelivery(
  trx: Transaction<Tables>,
  delivery: NewDelivery,
): Promise<{ id: string }> {
  const { recordingId, type, occasion = type, url } = delivery;
  if (url !== undefined) return await insertOne(trx, delivery);
  const run = await trx
    .selectFrom('recordings')
    .select('webhook_url')
    .where('id', '=', recordingId)
    .executeTakeFirst();
  if (run?.webhook_url) {
    await insertOne(trx, { ...delivery, occasion: `${occasion} to the run`, url: run.webhook_url });
  }
  return await insertOne(trx, delivery);
}

async function insertOne(trx: Transaction<Tables>, delivery: NewDelivery): Promise<{ id: string }> {
  const { recordingId, type, body, occasion = type, url = null } = delivery;
  await trx
    .insertInto('deliveries')
    .values({
      id: `msg_${randomUUID().replaceAll('-', '')}`,
      seq: await nextNumber(trx, 'deliveries'),
      recording_id: recordingId,
      url,
      occasion,
      type,
      body,
      state: 'pending',
      attempts: 0,
      not_before_ms: 0,
      created_at_ms: wallMs(),
    })
    .onConflict((conflict) => conflict.columns(['recording_id', 'occasion']).doNothing())
    .execute();
  return await trx
    .selectFrom('deliveries')
    .select('id')
    .where('recording_id', '=', recordingId)
    .where('occasion', '=', occasion)
    .executeTakeFirstOrThrow();
}

/** The address of a run that was cancelled hears nothing more of it. */
export async function callOff(db: Kysely<Tables>, recordingId: string): Promise<void> {
  const error: ErrorSummary = { code: 'STOP_ASKED', message: 'The run was cancelled before this was heard' };
  await db
    .updateTable('deliveries')
    .set({ state: 'failed', last_error: JSON.stringify(error), ended_at_ms: wallMs() })
    .where('recording_id', '=', recordingId)
    .where('url', 'is not', null)
    .where('state', '=', 'pending')
    .execute();
}

function toDelivery(row: Tables['deliveries']): Delivery {
  return {
    id: row.id,
    recordingId: row.recording_id,
    url: row.url,
    type: row.type,
    body: row.body,
    state: row.state as DeliveryState,
    attempts: row.attempts,
    lastError: row.last_error === null ? null : JSON.parse(row.last_error),
    notBeforeMs: Number(row.not_before_ms),
    createdAtMs: Number(row.created_at_ms),
    endedAtMs: row.ended_at_ms === null ? null : Number(row.ended_at_ms),
  };
}
