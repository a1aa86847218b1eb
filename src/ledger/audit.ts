import { sql } from 'kysely';
import { type Act, type AuditEntry, accessNameKey, type Role, type WayIn } from '../domain/access.ts';
import { wallMs } from '../lib/wall-time.ts';
import { nextNumber } from './change.ts';
import type { Database } from './database.ts';
import type { GroupCommit } from './group-commit.ts';

/** How many refusals are kept; the oldest make room, so that whoever is refused often pushes out no act. */
const MAX_REFUSALS = 1000;

/** What is counted instead of told one by one is told anew after this, in milliseconds. */
const COUNTED_MS = 3_600_000;

/** Who has done what. */
export interface Audit {
  /** It is on the disk when the promise resolves. */
  add(act: Act): Promise<void>;
  /** Newest first, before the entry with this number; of one person, if a name is given. */
  list(query: {
    limit: number;
    beforeSeq?: number | undefined;
    who?: string | undefined;
  }): Promise<AuditEntry[]>;
}

export function createAudit({ db, groupCommit }: { db: Database; groupCommit: GroupCommit }): Audit {
  return {
    async add(act) {
      const { who, role, way, session, caller, outcome, subject, status } = act;
      const isCounted = act.isCounted === true || outcome === 'refused';
      const nowMs = wallMs();
      const hour = Math.floor(nowMs / COUNTED_MS);
      await groupCommit(async (trx) => {
        await trx
          .insertInto('audit')
          .values({
            seq: await nextNumber(trx, 'audit'),
            merge_key: isCounted ? JSON.stringify([hour, outcome, act.act, who, way, caller]) : null,
            at_ms: nowMs,
            last_at_ms: nowMs,
            times: 1,
            who,
            who_key: who === null ? null : accessNameKey(who),
            role,
            way,
            session,
            caller,
            act: act.act,
            subject,
            outcome,
            status,
          })
          .onConflict((conflict) =>
            conflict.column('merge_key').doUpdateSet({
              last_at_ms: nowMs,
              times: sql<number>`audit.times + 1`,
              subject,
              session,
              status,
            }),
          )
          .execute();
        if (outcome !== 'refused') return;
        await trx
          .deleteFrom('audit')
          .where('outcome', '=', 'refused')
          .where('seq', '<=', (inner) =>
            inner
              .selectFrom('audit as all')
              .select('all.seq')
              .where('all.outcome', '=', 'refused')
              .orderBy('all.seq', 'desc')
              .limit(1)
              .offset(MAX_REFUSALS),
          )
          .execute();
      });
    },

    async list({ limit, beforeSeq, who }) {
      const rows = await db
        .selectFrom('audit')
        .selectAll()
        .$if(beforeSeq !== undefined, (query) => query.where('seq', '<', beforeSeq ?? 0))
        .$if(who !== undefined, (query) => query.where('who_key', '=', accessNameKey(who ?? '')))
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        seq: Number(row.seq),
        atMs: Number(row.at_ms),
        lastAtMs: Number(row.last_at_ms),
        times: Number(row.times),
        who: row.who,
        role: row.role as Role | null,
        way: row.way as WayIn | null,
        session: row.session,
        caller: row.caller,
        act: row.act,
        subject: row.subject,
        outcome: row.outcome as Act['outcome'],
        status: row.status,
      }));
    },
  };
}
