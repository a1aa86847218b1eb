import { sql } from 'kysely';
import { ENDED_STATES, type State } from '../domain/recording.ts';
import type { Database } from './database.ts';
import type { EventType } from './events.ts';
import type { LedgerExtension } from './extension.ts';
import { readByAll } from './positions.ts';

/** What stays in the history of a recording that has ended: that it came, what became of it, and what was left where. */
const KEPT: readonly EventType[] = [
  'recording.accepted',
  'recording.done',
  'recording.cancelled',
  'recording.renamed',
  'recording.deleted',
  'publish-again.done',
  'deletion.started',
  'archive.left',
  'video.playable',
  'video.failed',
];

/** Forgets the details of what has ended long ago. */
export interface Pruning {
  /**
   * Looks through so many events after this number and removes those that tell how a recording was brought home that has
   * been done, or cancelled, since before this time. Recordings, facts and announcements stay, for what comes again is
   * recognised by them. Returns the number from which to go on; `undefined`: that was all.
   */
  events(step: { beforeMs: number; afterSeq: number; limit: number }): Promise<number | undefined>;
  /** Forgets how attempts at announcements went that were made before this time. */
  deliveryAttempts(beforeMs: number): Promise<void>;
  /** Removes alarms that were over before this time, and messages that were sent or given up before it. */
  alarms(beforeMs: number): Promise<void>;
  /** Removes what was done, and tokens that were revoked, before this time. */
  audit(beforeMs: number): Promise<void>;
}

export function createPruning({
  db,
  extensions,
}: {
  db: Database;
  extensions: readonly LedgerExtension[];
}): Pruning {
  const kept: readonly string[] = [...KEPT, ...extensions.flatMap(({ keptEvents = [] }) => keptEvents)];

  /** Up to which event everybody has read, but never the newest one, which says how far the history goes. */
  async function readBefore(): Promise<number> {
    const newest = await db
      .selectFrom('events')
      .select((select) => select.fn.max('seq').as('seq'))
      .executeTakeFirst();
    return Math.min(await readByAll(db), Math.max(0, Number(newest?.seq ?? 0) - 1));
  }

  return {
    async events({ beforeMs, afterSeq, limit }) {
      const rows = await db
        .selectFrom('events')
        .innerJoin('recordings', 'recordings.id', 'events.recording_id')
        .select(['events.seq', 'events.type', 'events.at_ms', 'state', 'ended_at_ms'])
        .where('events.seq', '>', afterSeq)
        .where('events.seq', '<=', await readBefore())
        .orderBy('events.seq')
        .limit(limit)
        .execute();
      const old = rows.filter(
        ({ type, state, ended_at_ms }) =>
          ENDED_STATES.includes(state as State) &&
          ended_at_ms !== null &&
          Number(ended_at_ms) < beforeMs &&
          !kept.includes(type),
      );
      if (old.length > 0) {
        // Asked once more: one that has been given a new beginning meanwhile keeps its history.
        await db
          .deleteFrom('events')
          .where(
            'seq',
            'in',
            old.map(({ seq }) => seq),
          )
          .where(
            sql<boolean>`exists (select 1 from recordings where id = recording_id
              and state in (${sql.join(ENDED_STATES)}) and ended_at_ms < ${beforeMs})`,
          )
          .execute();
      }
      const last = rows.at(-1);
      // Nothing has ended before it began: behind an event that is young all are.
      const isOver = last === undefined || rows.length < limit || Number(last.at_ms) >= beforeMs;
      return isOver ? undefined : Number(last.seq);
    },

    async deliveryAttempts(beforeMs) {
      await db.deleteFrom('delivery_attempts').where('at_ms', '<', beforeMs).execute();
    },

    async alarms(beforeMs) {
      await db
        .deleteFrom('alarms')
        .where('resolved_at_ms', '<', beforeMs)
        .where('is_resolve_told', '=', 1)
        .where('id', '<', (inner) =>
          inner.selectFrom('alarms as all').select((select) => select.fn.max('all.id').as('id')),
        )
        .execute();
      await db
        .deleteFrom('alarm_messages')
        .where('created_at_ms', '<', beforeMs)
        .where('state', '!=', 'pending')
        .where('id', '<', (inner) =>
          inner.selectFrom('alarm_messages as all').select((select) => select.fn.max('all.id').as('id')),
        )
        .execute();
    },

    async audit(beforeMs) {
      await db
        .deleteFrom('audit')
        .where('last_at_ms', '<', beforeMs)
        .where('seq', '<', (inner) =>
          inner.selectFrom('audit as all').select((select) => select.fn.max('all.seq').as('seq')),
        )
        .execute();
      await db
        .deleteFrom('access_tokens')
        .where('revoked_at_ms', '<', beforeMs)
        .where('id', '<', (inner) =>
          inner.selectFrom('access_tokens as all').select((select) => select.fn.max('all.id').as('id')),
        )
        .execute();
    },
  };
}
