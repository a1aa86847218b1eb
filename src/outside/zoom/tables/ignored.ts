import { sql } from 'kysely';
import { nextNumber } from '../../../ledger/change.ts';
import type { Database } from '../../../ledger/database.ts';
import type { GroupCommit } from '../../../ledger/group-commit.ts';
import type { Tables } from '../../../ledger/schema.ts';
import { wallMs } from '../../../lib/wall-time.ts';
import './tables.ts';

/** How many are kept; the oldest make room. */
const MAX_KEPT = 1000;

/** Something that Zoom has announced and that was left where it is. */
export interface IgnoredInput {
  /** What makes it the same again, besides the reason. */
  readonly key: string;
  readonly accountId: string | null;
  readonly reason: string;
  readonly why: string;
  readonly rule: string | null;
  readonly event: string;
  /** Of the meeting and its file; never a token or an address. */
  readonly what: Readonly<Record<string, string | number | null>>;
}

export interface Ignored extends IgnoredInput {
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** How often it was announced. */
  readonly times: number;
}

/** What was left with Zoom, and why: for people to look up, the newest thousand. */
export interface ZoomIgnored {
  add(entries: readonly IgnoredInput[]): Promise<void>;
  /** Newest first. */
  newest(limit: number): Promise<Ignored[]>;
  /** Somebody wants it brought home after all, and is waiting for an answer. */
  want(key: string): Promise<void>;
  /** That has ended with an answer. */
  unwant(key: string): Promise<void>;
  /** What somebody wants and has not been answered about: it is not pushed out by newer ones. */
  wanted(): Promise<Ignored[]>;
  /** Somebody has brought it home after all. */
  forget(key: string): Promise<void>;
}

export function createZoomIgnored({
  db,
  groupCommit,
}: {
  db: Database;
  groupCommit: GroupCommit;
}): ZoomIgnored {
  async function setWanted(key: string, atMs: number | null): Promise<void> {
    await db.updateTable('zoom_ignored').set({ wanted_at_ms: atMs }).where(ownKey, '=', key).execute();
  }

  return {
    async add(entries) {
      if (entries.length === 0) return;
      await groupCommit(async (trx) => {
        for (const entry of entries) {
          const nowMs = wallMs();
          const told = {
            last_at_ms: nowMs,
            account_id: entry.accountId,
            why: entry.why,
            rule: entry.rule,
            event: entry.event,
            what: JSON.stringify(entry.what),
          };
          const nextSeq = await nextNumber(trx, 'zoom_ignored');
          await trx
            .insertInto('zoom_ignored')
            .values({
              key: `${entry.reason} ${entry.key}`,
              seq: nextSeq,
              first_at_ms: nowMs,
              times: 1,
              reason: entry.reason,
              ...told,
            })
            .onConflict((conflict) =>
              conflict.column('key').doUpdateSet({
                ...told,
                seq: nextSeq,
                times: sql<number>`zoom_ignored.times + 1`,
              }),
            )
            .execute();
        }
        await trx
          .deleteFrom('zoom_ignored')
          .where('seq', '<=', sql<number>`(select max(seq) from zoom_ignored) - ${MAX_KEPT}`)
          .where('wanted_at_ms', 'is', null)
          .execute();
      });
    },

    async newest(limit) {
      const rows = await db
        .selectFrom('zoom_ignored')
        .selectAll()
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute();
      return rows.map(toIgnored);
    },

    want: (key) => setWanted(key, wallMs()),
    unwant: (key) => setWanted(key, null),

    async wanted() {
      const rows = await db
        .selectFrom('zoom_ignored')
        .selectAll()
        .where('wanted_at_ms', 'is not', null)
        .orderBy('wanted_at_ms')
        .execute();
      return rows.map(toIgnored);
    },

    async forget(key) {
      await db.deleteFrom('zoom_ignored').where(ownKey, '=', key).execute();
    },
  };
}

/** The key as it was given: of one file several reasons may be noted. */
const ownKey = sql<string>`substr(key, length(reason) + 2)`;

function toIgnored(row: Tables['zoom_ignored']): Ignored {
  return {
    key: row.key.slice(row.reason.length + 1),
    firstAtMs: Number(row.first_at_ms),
    lastAtMs: Number(row.last_at_ms),
    times: row.times,
    accountId: row.account_id,
    reason: row.reason,
    why: row.why,
    rule: row.rule,
    event: row.event,
    what: JSON.parse(row.what),
  };
}
