import type { Kysely, Transaction } from 'kysely';
import { wallMs } from '../lib/wall-time.ts';
import type { AlarmKind } from './alarm-kinds.ts';
import { change, nextNumber } from './change.ts';
import type { Database } from './database.ts';
import { positionOf, setPosition } from './positions.ts';
import type { Tables } from './schema.ts';

export interface NewAlarm {
  /** What makes it the same alarm while it is open. */
  readonly key: string;
  readonly kind: AlarmKind;
  readonly recordingId?: string;
  /** The same for all recordings that have failed for one cause, which are told together. */
  readonly cause?: string;
  /** What is wrong, in one line. */
  readonly title: string;
  readonly detail: string;
  readonly advice: string;
  /** It is told and over at once. */
  readonly isNotice?: boolean;
}

export interface Alarm extends Omit<NewAlarm, 'isNotice' | 'recordingId' | 'cause'> {
  readonly id: number;
  readonly recordingId: string | null;
  readonly cause: string | null;
  readonly raisedAtMs: number;
  readonly resolvedAtMs: number | null;
  /** How it was resolved. */
  readonly resolution: string | null;
}

/** An alarm begins, unless it is open already; or the one with this key ends, if it is open. */
export type AlarmChange =
  | { readonly raise: NewAlarm }
  | { readonly resolve: string; readonly resolution: string };

/** What people have not been told yet. */
export interface AlarmNews {
  readonly raised: readonly Alarm[];
  /** What people know already that others have failed for, which are open still. */
  readonly knownCauses: ReadonlySet<string>;
  readonly resolved: readonly Alarm[];
}

export interface AlarmMessage {
  readonly id: number;
  readonly subject: string;
  readonly body: string;
  readonly attempts: number;
  readonly createdAtMs: number;
}

const HISTORY = 'alarms';
/** The time of the last message, kept where positions are. */
const TOLD = 'alarms told at ms';

/** Nothing is put off for longer than this, in milliseconds. */
const FURTHEST_MS = 900_000;

/** How much is told in one message; the rest in the next. */
const MAX_NEWS = 1000;

/** What is wrong, and which words about it are still to be sent; each beginning and each end is told once. */
export interface Alarms {
  /** The open ones, newest first. */
  open(limit: number): Promise<Alarm[]>;
  counts(): Promise<Partial<Record<AlarmKind, number>>>;
  isOpen(key: string): Promise<boolean>;
  /** The keys of the open ones of these kinds. */
  openKeys(kinds: readonly AlarmKind[]): Promise<string[]>;
  /** Up to which event the history was looked through; the first time what has happened before is passed over. */
  position(): Promise<number>;
  /**
   * Does all of this in one step. With `follow` it is done only if nobody else has followed the history from there
   * meanwhile; false if so.
   */
  apply(
    changes: readonly AlarmChange[],
    follow?: { readonly from: number; readonly to: number },
  ): Promise<boolean>;
  /**
   * Puts what was not told yet into one message per channel, unless there was one less than `pauseMs` ago; further ones
   * of a cause that people know, and of which one is open, no sooner than `causePauseMs` after they last heard of it.
   * Without channels it counts as told.
   */
  tell(options: {
    readonly channels: readonly string[];
    readonly pauseMs: number;
    readonly causePauseMs: number;
    readonly write: (news: AlarmNews) => { subject: string; body: string };
  }): Promise<void>;
  /**
   * Takes the oldest message that is still to be sent by this channel, if its time has come: for `holdMs` nobody else is
   * given it, so that of several processes one sends it, and another one does if that one dies.
   */
  takeMessage(channel: string, holdMs: number): Promise<AlarmMessage | undefined>;
  /** Gives back one that could not be sent to its end, to be sent at once. */
  putBack(id: number): Promise<void>;
  messageSent(id: number): Promise<void>;
  messageFailed(
    id: number,
    error: string,
    next: { readonly notBeforeMs: number } | 'given-up',
  ): Promise<void>;
}

export function createAlarms({ db }: { db: Database }): Alarms {
  return {
    async open(limit) {
      const rows = await db
        .selectFrom('alarms')
        .selectAll()
        .where('is_resolve_told', '=', 0)
        .where('resolved_at_ms', 'is', null)
        .orderBy('id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(toAlarm);
    },

    async counts() {
      const rows = await db
        .selectFrom('alarms')
        .select((select) => ['kind', select.fn.countAll<number>().as('count')])
        .where('is_resolve_told', '=', 0)
        .where('resolved_at_ms', 'is', null)
        .groupBy('kind')
        .execute();
      return Object.fromEntries(rows.map(({ kind, count }) => [kind, Number(count)]));
    },

    isOpen: (key) => isOpen(db, key),

    async openKeys(kinds) {
      const rows = await db
        .selectFrom('alarms')
        .select('key')
        .where('is_resolve_told', '=', 0)
        .where('resolved_at_ms', 'is', null)
        .where('kind', 'in', kinds)
        .execute();
      return rows.map(({ key }) => key);
    },

    async position() {
      const known = await positionOf(db, HISTORY);
      if (known !== undefined) return known;
      const row = await db
        .selectFrom('events')
        .select((select) => select.fn.max('seq').as('seq'))
        .executeTakeFirst();
      const seq = Number(row?.seq ?? 0);
      await setPosition(db, HISTORY, seq);
      return seq;
    },

    async apply(changes, follow) {
      if (changes.length === 0 && follow === undefined) return true;
      return await change(db, async (trx) => {
        const position = (await positionOf(trx, HISTORY)) ?? 0;
        if (follow !== undefined && position !== follow.from) return false;
        if (follow !== undefined) await setPosition(trx, HISTORY, follow.to);
        for (const change of changes) await applyOne(trx, change);
        return true;
      });
    },

    async tell({ channels, pauseMs, causePauseMs, write }) {
      const nowMs = wallMs();
      if ((await dueNews(db, causePauseMs, nowMs)).found.length === 0) return;
      if (channels.length > 0 && nowMs - ((await positionOf(db, TOLD)) ?? 0) < pauseMs) return;
      await change(db, async (trx) => {
        await setPosition(trx, TOLD, nowMs);
        const { found, knownCauses } = await dueNews(trx, causePauseMs, nowMs);
        if (found.length === 0) return;
        const message = write({
          raised: found.filter((row) => row.is_raise_told === 0).map(toAlarm),
          resolved: found.filter((row) => row.resolution !== null).map(toAlarm),
          knownCauses,
        });
        for (const channel of channels) await addMessage(trx, channel, message, nowMs);
        for (const { id, resolved_at_ms, is_raise_told, told_at_ms } of found) {
          const told = {
            is_raise_told: 1,
            is_resolve_told: resolved_at_ms === null ? 0 : 1,
            told_at_ms: is_raise_told === 0 ? nowMs : told_at_ms,
          };
          await trx.updateTable('alarms').set(told).where('id', '=', id).execute();
        }
      });
    },

    async takeMessage(channel, holdMs) {
      const nowMs = wallMs();
      const row = await db
        .selectFrom('alarm_messages')
        .selectAll()
        .where('channel', '=', channel)
        .where('state', '=', 'pending')
        .orderBy('id')
        .limit(1)
        .executeTakeFirst();
      const waitMs = Number(row?.not_before_ms ?? 0) - nowMs;
      // A time further away than any that is set is from a clock that was put back.
      if (row === undefined || (waitMs > 0 && waitMs <= FURTHEST_MS)) return undefined;
      const taken = await db
        .updateTable('alarm_messages')
        .set({ not_before_ms: nowMs + holdMs })
        .where('id', '=', row.id)
        .where('state', '=', 'pending')
        .where('not_before_ms', '=', row.not_before_ms)
        .executeTakeFirst();
      if (taken.numUpdatedRows === 0n) return undefined;
      const { subject, body, attempts } = row;
      return { id: Number(row.id), subject, body, attempts, createdAtMs: Number(row.created_at_ms) };
    },

    async putBack(id) {
      await db
        .updateTable('alarm_messages')
        .set({ not_before_ms: 0 })
        .where('id', '=', id)
        .where('state', '=', 'pending')
        .execute();
    },

    async messageSent(id) {
      await db.updateTable('alarm_messages').set({ state: 'sent' }).where('id', '=', id).execute();
    },

    async messageFailed(id, error, next) {
      await db
        .updateTable('alarm_messages')
        .set((row) => ({
          attempts: row('attempts', '+', 1),
          last_error: error,
          ...(next === 'given-up' ? { state: 'given-up' } : { not_before_ms: next.notBeforeMs }),
        }))
        .where('id', '=', id)
        .execute();
    },
  };
}

async function isOpen(db: Kysely<Tables>, key: string): Promise<boolean> {
  const row = await db
    .selectFrom('alarms')
    .select('id')
    .where('key', '=', key)
    .where('resolved_at_ms', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}

/** What has begun or ended and was not told; what has ended is told only together with its beginning, or after it. */
async function news(db: Kysely<Tables>, limit: number): Promise<Tables['alarms'][]> {
  return await db
    .selectFrom('alarms')
    .selectAll()
    .where('is_resolve_told', '=', 0)
    .where((or) => or.or([or('is_raise_told', '=', 0), or('resolved_at_ms', 'is not', null)]))
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** That, but for further recordings of a cause that people have heard of a moment ago. */
async function dueNews(db: Kysely<Tables>, causePauseMs: number, nowMs: number) {
  const rows = await db
    .selectFrom('alarms')
    .select((select) => ['cause', select.fn.max('told_at_ms').as('told_at_ms')])
    .where('is_resolve_told', '=', 0)
    .where('is_raise_told', '=', 1)
    .where('resolved_at_ms', 'is', null)
    .where('cause', 'is not', null)
    .groupBy('cause')
    .execute();
  const known = new Map(rows.map(({ cause, told_at_ms }) => [cause ?? '', Number(told_at_ms)]));
  const isHeldBack = ({ cause, is_raise_told, resolved_at_ms }: Tables['alarms']) => {
    const toldAtMs = cause === null ? undefined : known.get(cause);
    if (toldAtMs === undefined || is_raise_told === 1 || resolved_at_ms !== null) return false;
    // A time that is yet to come is from a clock that was put back.
    return toldAtMs <= nowMs && nowMs - toldAtMs < causePauseMs;
  };
  const found = (await news(db, MAX_NEWS)).filter((row) => !isHeldBack(row));
  return { found, knownCauses: new Set(known.keys()) };
}

async function applyOne(trx: Transaction<Tables>, change: AlarmChange): Promise<void> {
  const nowMs = wallMs();
  if ('resolve' in change) {
    await trx
      .updateTable('alarms')
      .set({ resolved_at_ms: nowMs, resolution: change.resolution })
      .where('key', '=', change.resolve)
      .where('resolved_at_ms', 'is', null)
      .execute();
    return;
  }
  const { key, kind, recordingId = null, cause = null, title, detail, advice } = change.raise;
  if (await isOpen(trx, key)) return;
  await trx
    .insertInto('alarms')
    .values({
      id: await nextNumber(trx, 'alarms', 'id'),
      key,
      kind,
      recording_id: recordingId,
      cause,
      title,
      detail,
      advice,
      raised_at_ms: nowMs,
      resolved_at_ms: change.raise.isNotice ? nowMs : null,
      is_raise_told: 0,
      is_resolve_told: 0,
    })
    .execute();
}

async function addMessage(
  trx: Transaction<Tables>,
  channel: string,
  message: { subject: string; body: string },
  nowMs: number,
): Promise<void> {
  await trx
    .insertInto('alarm_messages')
    .values({
      id: await nextNumber(trx, 'alarm_messages', 'id'),
      channel,
      ...message,
      state: 'pending',
      attempts: 0,
      not_before_ms: 0,
      created_at_ms: nowMs,
    })
    .execute();
}

function toAlarm(row: Tables['alarms']): Alarm {
  return {
    id: Number(row.id),
    key: row.key,
    kind: row.kind as AlarmKind,
    recordingId: row.recording_id,
    cause: row.cause,
    title: row.title,
    detail: row.detail,
    advice: row.advice,
    raisedAtMs: Number(row.raised_at_ms),
    resolvedAtMs: row.resolved_at_ms === null ? null : Number(row.resolved_at_ms),
    resolution: row.resolution,
  };
}
