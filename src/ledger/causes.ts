import { type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import type { State } from '../domain/recording.ts';
import { wallMs } from '../lib/wall-time.ts';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';

/**
 * What keeps a recording from moving that is not done.
 *
 * - `time`: it is to go at a time that somebody has named
 * - `trouble`: something has happened, or a service is left alone; it goes on by itself
 * - `set-aside`: somebody keeps it out of the line
 * - `taking-back`: what it has made is to be removed
 * - `failed`: it has been given up
 */
export type Reason = 'time' | 'trouble' | 'set-aside' | 'taking-back' | 'failed';

/** The recordings that the same thing keeps from moving. */
export interface Cause {
  readonly reason: Reason;
  /** What has happened, where that is what tells them from others. */
  readonly code: ErrorCode | undefined;
  /** The service that is left alone. */
  readonly service: string | undefined;
  readonly count: number;
  /** When the first of them goes on by itself. */
  readonly nextAtMs: number | undefined;
  /** When the last of them has failed. */
  readonly lastEndedAtMs: number | undefined;
}

/** What waits for anything but its turn, and what has failed, by what keeps it. */
export interface Causes {
  all(): Promise<Cause[]>;
  /** The ids of the first of them that go on, or of the last that have failed. */
  first(cause: Cause, limit: number): Promise<string[]>;
}

/* In the words of the index `recordings_by_cause`. */
export const causeCode = sql<ErrorCode | null>`last_error ->> 'code'`;
export const causeService = sql<string | null>`last_error ->> 'service'`;

const REASONS: Partial<Readonly<Record<State, Reason>>> = {
  waiting: 'trouble',
  'backing-off': 'trouble',
  'set-aside': 'set-aside',
  cancelling: 'taking-back',
  deleting: 'taking-back',
  failed: 'failed',
};

/** The states of those that wait, each for something else than its turn. */
export const HELD_STATES = (Object.keys(REASONS) as State[]).filter((state) => state !== 'failed');

/** That a recording in one of these states waits, but not for its turn. */
export function isHeld(nowMs: number) {
  return (where: ExpressionBuilder<Tables, 'recordings'>) =>
    where.or([where('state', '<>', 'waiting'), where('not_before_ms', '>', nowMs)]);
}

export function createCauses({ db }: { db: Database }): Causes {
  return {
    async all() {
      const rows = await db
        .selectFrom('recordings')
        .select((select) => [
          'state',
          causeCode.as('code'),
          causeService.as('service'),
          select.fn.countAll<number>().as('count'),
          select.fn.min<number>('not_before_ms').as('next'),
          select.fn.max<number | null>('ended_at_ms').as('last'),
        ])
        .where('state', 'in', Object.keys(REASONS))
        .where(isHeld(wallMs()))
        .groupBy(['state', causeCode, causeService])
        .execute();
      const causes = new Map<string, Cause>();
      for (const row of rows) {
        const found = toCause(row);
        const key = `${found.reason} ${found.code} ${found.service}`;
        const known = causes.get(key);
        causes.set(key, known === undefined ? found : together(known, found));
      }
      return [...causes.values()];
    },

    async first({ reason, code, service }, limit) {
      const isByTrouble = reason === 'trouble' || reason === 'failed';
      const ids: { id: string; at: number }[] = [];
      // A state at a time: within each the index has them in their order.
      for (const state of statesOf(reason)) {
        let rows = db
          .selectFrom('recordings')
          .select(['seq', sql<number>`coalesce(ended_at_ms, 0)`.as('ended'), 'not_before_ms'])
          .where('state', '=', state)
          .where(isHeld(wallMs()))
          .limit(limit);
        if (reason === 'time') rows = rows.where(sql<SqlBool>`${causeCode} is null`);
        if (isByTrouble) {
          rows = rows.where(sql<SqlBool>`${causeCode} is not distinct from ${code ?? null}`);
          rows = rows.where(sql<SqlBool>`${causeService} is not distinct from ${service ?? null}`);
        }
        rows = reason === 'failed' ? rows.orderBy('ended_at_ms', 'desc') : rows.orderBy('not_before_ms');
        const found = await rows.execute();
        const named = await db
          .selectFrom('recordings')
          .select(['id', 'seq'])
          .where(
            'seq',
            'in',
            found.map(({ seq }) => seq),
          )
          .execute();
        for (const { id, seq } of named) {
          const row = found.find((each) => Number(each.seq) === Number(seq));
          ids.push({ id, at: reason === 'failed' ? -Number(row?.ended) : Number(row?.not_before_ms) });
        }
      }
      return ids
        .sort((a, b) => a.at - b.at)
        .slice(0, limit)
        .map(({ id }) => id);
    },
  };
}

function toCause(row: {
  state: string;
  code: ErrorCode | null;
  service: string | null;
  count: number;
  next: number;
  last: number | null;
}): Cause {
  const isTime = row.state === 'waiting' && row.code === null;
  const reason = isTime ? 'time' : (REASONS[row.state as State] ?? 'trouble');
  const isByTrouble = reason === 'trouble' || reason === 'failed';
  return {
    reason,
    code: isByTrouble ? (row.code ?? undefined) : undefined,
    service: isByTrouble ? (row.service ?? undefined) : undefined,
    count: Number(row.count),
    nextAtMs: Number(row.next) === 0 || reason === 'failed' ? undefined : Number(row.next),
    lastEndedAtMs: row.last === null || reason !== 'failed' ? undefined : Number(row.last),
  };
}

function together(a: Cause, b: Cause): Cause {
  const times = [a.nextAtMs, b.nextAtMs].filter((each) => each !== undefined);
  return {
    ...a,
    count: a.count + b.count,
    nextAtMs: times.length === 0 ? undefined : Math.min(...times),
    lastEndedAtMs: Math.max(a.lastEndedAtMs ?? 0, b.lastEndedAtMs ?? 0) || undefined,
  };
}

function statesOf(reason: Reason): State[] {
  if (reason === 'time') return ['waiting'];
  return (Object.keys(REASONS) as State[]).filter((state) => REASONS[state] === reason);
}
