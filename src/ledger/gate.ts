import { sql } from 'kysely';
import { leaseLost } from '../domain/errors.ts';
import { FIRST_LANE } from '../domain/recipe.ts';
import type { SteadyClock } from '../lib/steady-clock.ts';
import { wallMs } from '../lib/wall-time.ts';
import type { Database } from './database.ts';

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
   * Says that another recording is moved under this lease than it was taken for.
   *
   * @throws KnownError `LEASE_LOST`
   */
  turnTo(recordingId: string): Promise<void>;
  release(): Promise<void>;
}

/**
 * The gate that recordings pass through, one of its slots per lane and recording. Whoever holds a lease may move a
 * recording, nobody else, whatever the queue believes.
 */
export interface Gate {
  /**
   * Takes the gate for a recording, if it is free or its holder has not renewed in time.
   * `onLost` is called once when a renewal finds that somebody else has it.
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
  async function renew(fence: number, recordingId?: string): Promise<boolean> {
    const result = await db
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
  async function look(lane: string, slots: number): Promise<Row[]> {
    const rows = await db
      .selectFrom('gate')
      .select(['id', 'fence', 'expires_at_ms', 'clock_id', 'expires_steady_ms', 'lease_ms'])
      .where('lane', '=', lane)
      .orderBy('id')
      .limit(slots)
      .execute();
    if (rows.length < slots) {
      await db
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
      return await look(lane, slots);
    }
    return rows.map((row) => ({
      id: row.id,
      fence: Number(row.fence),
      expiresAtMs: Number(row.expires_at_ms),
      clockId: row.clock_id,
      expiresSteadyMs: Number(row.expires_steady_ms),
      leaseMs: Number(row.lease_ms) || leaseMs,
    }));
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
    async acquire({ recordingId, holder, onLost, lane = FIRST_LANE, slots = 1 }) {
      const row = (await look(lane, slots)).find((slot) => !isHeldNow(slot));
      if (row === undefined) return undefined;
      const takenMs = clock.nowMs();
      const taken = await db
        .updateTable('gate')
        .set({
          holder,
          recording_id: recordingId,
          fence: sql<number>`(select max(fence) + 1 from gate)`,
          ...newEnd(),
        })
        .where('id', '=', row.id)
        // As it was seen: its holder may have shown a sign of life since, or somebody else have been quicker.
        .where('fence', '=', row.fence)
        .where('expires_at_ms', '=', row.expiresAtMs)
        .where('expires_steady_ms', '=', row.expiresSteadyMs)
        .returning('fence')
        .executeTakeFirst();
      if (taken === undefined) return undefined;

      const fence = Number(taken.fence);
      let isHeld = true;
      let renewedMs = takenMs;
      const lose = () => {
        if (!isHeld) return;
        isHeld = false;
        clearInterval(timer);
        onLost();
      };
      const extend = async (movedId?: string) => {
        const nowMs = clock.nowMs();
        const isOurs = await renew(fence, movedId);
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
        turnTo: (movedId) => require(() => extend(movedId)),
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
