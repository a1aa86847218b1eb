import { type Selectable, sql } from 'kysely';
import { leaseLost } from '../domain/errors.ts';
import { FIRST_LANE } from '../domain/recipe.ts';
import type { SteadyClock } from '../lib/steady-clock.ts';
import { wallMs } from '../lib/wall-time.ts';
import { change } from './change.ts';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';

/** The right to move one recording, until it is released, expires or is taken over. */
export interface Lease {
  /** Rises with every change of hands: what carries an older one comes from a worker that lost its lease. */
  readonly fence: number;
  /**
   * Makes sure, before a remote effect, that the lease is still ours.
   *
   * @throws KnownError `LEASE_LOST`
   */
  check(): Promise<void>;
  /**
   * Says that another recording is moved under this lease than it was taken for; false where that one is moved under another
   * lease already.
   *
   * @throws KnownError `LEASE_LOST`
   */
  turnTo(recordingId: string): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * The gate that recordings pass through, one of its slots per lane and recording. Whoever holds a lease may move a
 * recording, nobody else, whatever the queue believes.
 */
export interface Gate {
  /**
   * Takes a slot for a recording, if one is free or its holder has not renewed in time, and unless the recording is moved under
   * another lease, in whatever lane. One under which it was moved and that has run out is over by that. `onLost` is called once when a renewal finds that somebody else has it.
   */
  acquire(input: GateRequest): Promise<Lease | undefined>;
  /** When the current lease ends unless renewed, by the wall clock and for people; 0 once it is released. */
  expiresAtMs(): Promise<number>;
}

export interface GateRequest {
  readonly recordingId: string;
  readonly holder: string;
  readonly onLost: () => void;
  /** Default: the lane in which all recordings begin. */
  readonly lane?: string;
  /** How many recordings may move in this lane at once; default 1. */
  readonly slots?: number;
}

/** The slot of the lane in which all recordings begin: it is always there. */
const FIRST_SLOT = 1;

const NEXT_FENCE = sql<number>`(select max(fence) + 1 from gate)`;

const COLUMNS = ['id', 'fence', 'expires_at_ms', 'clock_id', 'expires_steady_ms', 'lease_ms'] as const;

type Selected = Pick<Selectable<Tables['gate']>, (typeof COLUMNS)[number]>;

/** A lease as it stands in the ledger. */
interface Row {
  readonly id: number;
  readonly fence: number;
  readonly expiresAtMs: number;
  readonly clockId: string;
  readonly expiresSteadyMs: number;
  readonly leaseMs: number;
}

/**
 * Creates the gate over its row in the ledger. A lease lasts `leaseMs` and is renewed four times as often. Whoever checks one that
 * was renewed within that time only reads: a change of the ledger is synced to the disk, and there may be thousands of checks.
 *
 * No wall clock has a say in when it ends, for that may be set at any moment. Who reads the same steady clock as the
 * holder, as all processes of a machine do, believes the time at which it ends by that. Anybody else (another machine, or
 * this one after it was started anew) takes the gate once it has seen the lease unrenewed for as long as that lasts.
 */
export function createGate({
  db,
  leaseMs,
  clock,
}: {
  db: Database;
  leaseMs: number;
  clock: SteadyClock;
}): Gate {
  /** What was last seen of each slot's lease by somebody else's clock, and since when it has been like that. */
  const seen = new Map<number, { readonly row: Row; readonly sinceMs: number }>();
  /** How often a lease is renewed. */
  const everyMs = leaseMs / 4;

  function newEnd() {
    const steadyMs = clock.nowMs();
    return {
      expires_at_ms: wallMs() + leaseMs,
      clock_id: clock.id,
      expires_steady_ms: steadyMs + leaseMs,
      lease_ms: leaseMs,
    };
  }

  /** Extends the lease with this fence, for this recording if it says one; false if it is no longer the current one. */
  async function renew(fence: number, recordingId?: string, within: Database = db): Promise<boolean> {
    const result = await within
      .updateTable('gate')
      .set({ ...newEnd(), ...(recordingId === undefined ? {} : { recording_id: recordingId }) })
      .where('fence', '=', fence)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Whether the lease with this fence is the current one. */
  async function isCurrent(fence: number): Promise<boolean> {
    const row = await db.selectFrom('gate').select('id').where('fence', '=', fence).executeTakeFirst();
    return row !== undefined;
  }

  /** The slots of a lane; those that there are not yet are made. */
  async function look(lane: string, slots: number, within: Database = db): Promise<Row[]> {
    const rows = await within
      .selectFrom('gate')
      .select(COLUMNS)
      .where('lane', '=', lane)
      .orderBy('id')
      .limit(slots)
      .execute();
    if (rows.length < slots) {
      await within
        .insertInto('gate')
        .values({
          id: sql<number>`(select max(id) + 1 from gate)`,
          lane,
          fence: 0,
          expires_at_ms: 0,
          clock_id: '',
          expires_steady_ms: 0,
          lease_ms: 0,
        })
        .execute();
      return await look(lane, slots, within);
    }
    return rows.map(toRow);
  }

  /** The other leases under which a recording is moved, or was by a worker that has fallen silent. */
  async function othersOf(recordingId: string, fence: number, within: Database = db): Promise<Row[]> {
    const rows = await within
      .selectFrom('gate')
      .select(COLUMNS)
      .where('recording_id', '=', recordingId)
      .where('fence', '<>', fence)
      .execute();
    return rows.map(toRow);
  }

  function toRow(row: Selected): Row {
    return {
      id: row.id,
      fence: Number(row.fence),
      expiresAtMs: Number(row.expires_at_ms),
      clockId: row.clock_id,
      expiresSteadyMs: Number(row.expires_steady_ms),
      leaseMs: Number(row.lease_ms) || leaseMs,
    };
  }

  /** Leases change hands one after the other, whatever slots they are of. */
  async function waitForTurn(within: Database): Promise<void> {
    await within.updateTable('gate').set({ id: FIRST_SLOT }).where('id', '=', FIRST_SLOT).execute();
  }

  /**
   * Ends these leases, all of which have run out: whoever held one and goes on after all hears that it is lost.
   *
   * @returns false if one of their holders has shown a sign of life since it was looked at
   */
  async function end(rows: readonly Row[], within: Database): Promise<boolean> {
    for (const row of rows) {
      const ended = await within
        .updateTable('gate')
        .set({ holder: null, recording_id: null, fence: NEXT_FENCE, expires_at_ms: 0 })
        .where('id', '=', row.id)
        .where('fence', '=', row.fence)
        .where('expires_at_ms', '=', row.expiresAtMs)
        .where('expires_steady_ms', '=', row.expiresSteadyMs)
        .executeTakeFirst();
      if (ended.numUpdatedRows === 0n) return false;
    }
    return true;
  }

  /** Takes a slot; returns its fence. */
  function take({ recordingId, holder, lane = FIRST_LANE, slots = 1 }: GateRequest) {
    return change(db, async (trx) => {
      await waitForTurn(trx);
      const row = (await look(lane, slots, trx)).find((slot) => !isHeldNow(slot));
      const others = await othersOf(recordingId, row?.fence ?? 0, trx);
      if (row === undefined || others.some(isHeldNow) || !(await end(others, trx))) return undefined;
      const taken = await trx
        .updateTable('gate')
        .set({ holder, recording_id: recordingId, fence: NEXT_FENCE, ...newEnd() })
        .where('id', '=', row.id)
        // As it was seen: its holder may have shown a sign of life since.
        .where('fence', '=', row.fence)
        .where('expires_at_ms', '=', row.expiresAtMs)
        .where('expires_steady_ms', '=', row.expiresSteadyMs)
        .returning('fence')
        .executeTakeFirst();
      return taken === undefined ? undefined : Number(taken.fence);
    });
  }

  function isHeldNow(row: Row): boolean {
    if (row.expiresAtMs === 0) return false;
    const nowMs = clock.nowMs();
    const leftMs = row.expiresSteadyMs - nowMs;
    // One that ends later than any lease does is not by this clock, whatever it is called.
    if (row.clockId === clock.id && leftMs <= row.leaseMs) return leftMs > 0;

    const known = seen.get(row.id);
    const isUnchanged =
      known !== undefined && known.row.fence === row.fence && known.row.expiresAtMs === row.expiresAtMs;
    if (!isUnchanged) seen.set(row.id, { row, sinceMs: performance.now() });
    return performance.now() - (seen.get(row.id)?.sinceMs ?? 0) < row.leaseMs;
  }

  return {
    async acquire(request) {
      const { recordingId, onLost, lane = FIRST_LANE, slots = 1 } = request;
      // Who waits looks again and again, at the cost of no change.
      if ((await look(lane, slots)).every(isHeldNow)) return undefined;
      if ((await othersOf(recordingId, 0)).some(isHeldNow)) return undefined;
      const takenMs = clock.nowMs();
      const fence = await take(request);
      if (fence === undefined) return undefined;

      let isHeld = true;
      let renewedMs = takenMs;
      const lose = () => {
        if (!isHeld) return;
        isHeld = false;
        clearInterval(timer);
        onLost();
      };
      const extend = async (movedId?: string, within?: Database) => {
        const nowMs = clock.nowMs();
        const isOurs = await renew(fence, movedId, within);
        if (isOurs) renewedMs = Math.max(renewedMs, nowMs);
        return isOurs;
      };
      const timer = setInterval(() => {
        // A renewal that fails is tried again a moment later; `check` is what protects remote effects.
        extend().then(
          (isOurs) => isOurs || lose(),
          () => {},
        );
      }, everyMs);

      const require = async (ask: () => Promise<boolean>) => {
        if (isHeld && (await ask())) return;
        lose();
        throw leaseLost();
      };

      return {
        fence,
        check: () => require(() => (clock.nowMs() - renewedMs < everyMs ? isCurrent(fence) : extend())),
        turnTo: (movedId) =>
          change(db, async (trx) => {
            await waitForTurn(trx);
            const others = await othersOf(movedId, fence, trx);
            if (others.some(isHeldNow) || !(await end(others, trx))) return false;
            await require(() => extend(movedId, trx));
            return true;
          }),
        async release() {
          isHeld = false;
          clearInterval(timer);
          await db
            .updateTable('gate')
            .set({ holder: null, recording_id: null, expires_at_ms: 0 })
            .where('fence', '=', fence)
            .execute();
        },
      };
    },

    async expiresAtMs() {
      const row = await db
        .selectFrom('gate')
        .select('expires_at_ms')
        .where('lane', '=', FIRST_LANE)
        .executeTakeFirstOrThrow();
      return Number(row.expires_at_ms);
    },
  };
}
