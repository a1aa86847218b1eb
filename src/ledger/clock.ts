import { sql, type Transaction } from 'kysely';
import type { SteadyClock } from '../lib/steady-clock.ts';
import { isOwnClockRight } from '../lib/wall-time.ts';
import { change } from './change.ts';
import { type Database, isPostgres } from './database.ts';
import { type LedgerExtension, tablesOfPending } from './extension.ts';
import type { Tables } from './schema.ts';

/** What counts as a jump and not as the slow correction of a clock, in milliseconds. */
const JUMP_MS = 2000;

/** The same where it is not known how long the machine was off: how old what was kept may be. */
const UNSURE_JUMP_MS = 60_000;

/** How often it is kept where the wall clock stands, in milliseconds. */
const KEEP_EVERY_MS = 30_000;

/** How long nothing is thrown away for its age after a jump, in milliseconds: time to set the clock right. */
const SETTLED_AFTER_MS = 3_600_000;

/** The states in which a recording waits for a time. */
const WAITING_STATES = ['waiting', 'backing-off', 'cancelling', 'deleting'] as const;

/** The wall clock, which anybody may set at any moment, as the ledger knows it. */
export interface WallClock {
  /**
   * Looks how far the wall clock has moved against the steady one since anybody last looked. Where it has jumped, what
   * waits for a time (retries, deliveries, watches, pauses) is moved along with it, once, so that each waits as long as it
   * was to wait. What a person has set a time for stays at that time.
   *
   * @returns By how much it has jumped, in milliseconds; 0 if it has not
   */
  follow(): Promise<number>;
  /** Whether it has not jumped lately, so that ages can be believed. */
  isSettled(): Promise<boolean>;
}

export function createWallClock(options: {
  db: Database;
  clock: SteadyClock;
  extensions: readonly LedgerExtension[];
}): WallClock {
  if (isPostgres(options.db)) return DATABASE_CLOCK;
  const { db, clock, extensions } = options;
  let kept: { readonly offsetMs: number; readonly atMs: number } | undefined;

  async function follow(): Promise<number> {
    const steadyMs = clock.nowMs();
    const nowMs = Date.now();
    const offsetMs = nowMs - steadyMs;
    const isSame = kept !== undefined && Math.abs(offsetMs - kept.offsetMs) < JUMP_MS;
    if (isSame && kept !== undefined && steadyMs - kept.atMs < KEEP_EVERY_MS) return 0;

    const jumpMs = await change(db, async (trx) => {
      const row = await trx.selectFrom('clock').selectAll().where('id', '=', 1).executeTakeFirst();
      const jump = row === undefined ? 0 : jumpSince(row);
      if (jump !== 0) await moveAlong(trx, { jumpMs: jump, nowMs, extensions });
      const isOtherClock = row?.clock_id !== clock.id;
      const movedBefore = isOtherClock ? null : row.moved_steady_ms;
      const change = {
        clock_id: clock.id,
        offset_ms: offsetMs,
        seen_at_ms: nowMs,
        moved_steady_ms: jump === 0 ? movedBefore : steadyMs,
      };
      await trx
        .insertInto('clock')
        .values({ id: 1, ...change })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(change))
        .execute();
      return jump;
    });
    kept = { offsetMs, atMs: steadyMs };
    return jumpMs;

    function jumpSince(row: Tables['clock']): number {
      if (row.clock_id === clock.id) {
        const jump = offsetMs - Number(row.offset_ms);
        return Math.abs(jump) < JUMP_MS ? 0 : jump;
      }
      // Of a machine that was off only this is certain: time has not gone backwards.
      const back = nowMs - Number(row.seen_at_ms);
      return back < -UNSURE_JUMP_MS ? back : 0;
    }
  }

  return {
    follow,
    async isSettled() {
      await follow();
      const row = await db
        .selectFrom('clock')
        .select('moved_steady_ms')
        .where('id', '=', 1)
        .executeTakeFirst();
      const movedMs = row?.moved_steady_ms ?? null;
      return movedMs === null || clock.nowMs() - Number(movedMs) >= SETTLED_AFTER_MS;
    },
  };
}

/** The clock of a database is the one that all go by; what is left to look at is how far this machine's is from it. */
const DATABASE_CLOCK: WallClock = {
  follow: async () => 0,
  isSettled: async () => isOwnClockRight(UNSURE_JUMP_MS),
};

/** How much later than the clock as it was something has to have happened to be by the clock as it is. */
const SURELY_AFTER_MS = 1000;

/** Moves what would be still to come, by the clock as it was or as it is; so what was due stays due. */
async function moveAlong(
  trx: Transaction<Tables>,
  jump: {
    readonly jumpMs: number;
    readonly nowMs: number;
    readonly extensions: readonly LedgerExtension[];
  },
): Promise<void> {
  const { jumpMs, nowMs, extensions } = jump;
  const delaying = extensions.flatMap(({ delays }) => delays ?? []);
  // A clock that was put back makes what was due a moment ago, and has not begun yet, something that is to come.
  const fromMs = Math.min(nowMs - jumpMs, nowMs);
  const beforeJumpMs = nowMs - jumpMs + SURELY_AFTER_MS;
  const by = (column: string) => sql<number>`${sql.ref(column)} + ${jumpMs}`;

  const appointments = await appointmentsAfter(trx, fromMs);
  await trx
    .updateTable('recordings')
    .set({ not_before_ms: by('not_before_ms') })
    .where('not_before_ms', '>', fromMs)
    .where('state', 'in', [...WAITING_STATES])
    // Where it has met no error it is a time that the door was named, or the delay of a source's own.
    .where((or) => or.or([or('last_error', 'is not', null), or('source', 'in', delaying)]))
    .where('id', 'not in', appointments)
    .execute();
  await trx
    .updateTable('deliveries')
    .set({ not_before_ms: by('not_before_ms') })
    .where('state', '=', 'pending')
    .where('not_before_ms', '>', fromMs)
    .$if(jumpMs > 0, (those) =>
      those
        // What was made or tried by the clock as it is now, before the jump was noticed, is right already.
        .where('created_at_ms', '<=', beforeJumpMs)
        .where('id', 'not in', (tried) =>
          tried.selectFrom('delivery_attempts').select('delivery_id').where('at_ms', '>', beforeJumpMs),
        ),
    )
    .execute();
  await trx
    .updateTable('alarm_messages')
    .set({ not_before_ms: by('not_before_ms') })
    .where('state', '=', 'pending')
    .where('not_before_ms', '>', fromMs)
    .execute();
  for (const table of tablesOfPending(extensions)) {
    // How long they have gone on is counted from their beginning.
    await trx
      .updateTable(table)
      .set({ created_at_ms: by('created_at_ms') })
      .where('state', '=', 'pending')
      .execute();
    await trx
      .updateTable(table)
      .set({ not_before_ms: by('not_before_ms') })
      .where('state', '=', 'pending')
      .where('not_before_ms', '>', fromMs)
      .execute();
  }
  await trx
    .updateTable('circuits')
    .set({ open_until_ms: by('open_until_ms') })
    .where('open_until_ms', '>', fromMs)
    .execute();
  await trx
    .updateTable('circuits')
    .set({ opened_at_ms: by('opened_at_ms') })
    .where('opened_at_ms', 'is not', null)
    .execute();
}

/** The recordings that are not to move before a time which an operator has named. */
async function appointmentsAfter(trx: Transaction<Tables>, fromMs: number): Promise<string[]> {
  const rows = await trx
    .selectFrom('recordings')
    .innerJoin('events', 'events.recording_id', 'recordings.id')
    .select(['recordings.id', 'not_before_ms', 'data'])
    .where('recordings.state', 'in', [...WAITING_STATES])
    .where('not_before_ms', '>', fromMs)
    .where('events.type', '=', 'recording.scheduled')
    .execute();
  return rows
    .filter(
      ({ data, not_before_ms }) => Date.parse(String(JSON.parse(data).notBefore)) === Number(not_before_ms),
    )
    .map(({ id }) => id);
}
