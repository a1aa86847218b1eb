import { sql } from 'kysely';
import { change } from '../../../ledger/change.ts';
import type { Database } from '../../../ledger/database.ts';
import { addToTallies } from '../../../ledger/tallies.ts';

/**
 * How a check at Zoom's door went:
 *
 * - `valid`: Zoom has sent it
 * - `invalid`: it carries a signature, and not ours; `stale`: ours, of another time
 * - `validation-refused`: Zoom, or somebody in its name, asks whether this is the right address, and got no answer
 * - `unsigned`: it carries nothing like a signature, so it does not come from Zoom
 */
export const ZOOM_CHECK_OUTCOMES = ['valid', 'invalid', 'stale', 'validation-refused', 'unsigned'] as const;
export type ZoomCheckOutcome = (typeof ZOOM_CHECK_OUTCOMES)[number];

const MINUTE_MS = 60_000;
const KEPT_MINUTES = 24 * 60;

export interface ZoomChecks {
  /** Adds what was counted since the last time. */
  add(counted: Partial<Record<ZoomCheckOutcome, { count: number; lastAtMs: number }>>): Promise<void>;
  /** How often each outcome was since a time, to the minute, and when it last was within the last day. */
  since(fromMs: number): Promise<Partial<Record<ZoomCheckOutcome, { count: number; lastAtMs: number }>>>;
}

export function createZoomChecks({ db }: { db: Database }): ZoomChecks {
  return {
    async add(counted) {
      await change(db, async (trx) => {
        for (const outcome of ZOOM_CHECK_OUTCOMES) {
          const { count, lastAtMs } = counted[outcome] ?? { count: 0, lastAtMs: 0 };
          if (count === 0) continue;
          const minute = Math.floor(lastAtMs / MINUTE_MS);
          await trx
            .insertInto('zoom_checks')
            .values({ minute, outcome, count, last_at_ms: lastAtMs })
            .onConflict((conflict) =>
              conflict.columns(['minute', 'outcome']).doUpdateSet({
                count: sql<number>`zoom_checks.count + ${count}`,
                last_at_ms: lastAtMs,
              }),
            )
            .execute();
          await addToTallies(trx, [{ name: 'zoom_requests', labels: { outcome }, value: count }]);
          await trx
            .deleteFrom('zoom_checks')
            .where('minute', '<', minute - KEPT_MINUTES)
            .execute();
        }
      });
    },

    async since(fromMs) {
      const from = Math.floor(fromMs / MINUTE_MS);
      const rows = await db
        .selectFrom('zoom_checks')
        .select((select) => [
          'outcome',
          select.fn.max('last_at_ms').as('last'),
          sql<number>`sum(case when minute >= ${from} then count else 0 end)`.as('count'),
        ])
        .groupBy('outcome')
        .execute();
      return Object.fromEntries(
        rows.map((row) => [row.outcome, { count: Number(row.count), lastAtMs: Number(row.last) }]),
      );
    },
  };
}
