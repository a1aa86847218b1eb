import { leaseLost } from '../domain/errors.ts';
import type { SteadyClock } from '../lib/steady-clock.ts';
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
 * The one gate that all recordings pass through. Whoever holds its lease may move a recording, nobody else, whatever
 * the queue believes.
 */
export interface Gate {
  /**
   * Takes the gate for a recording, if it is free or its holder has not renewed in time.
   * `onLost` is called once when a renewal finds that somebody else has it.
   */
  acquire(input: { recordingId: string; holder: string; onLost: () => void }): Promise<Lease | undefined>;
  /** When the current lease ends unless renewed, by the wall clock and for people; 0 once it is released. */
  expiresAtMs(): Promise<number>;
}

/** A lease as it stands in the ledger. */
interface Row {
  readonly fence: number;
  readonly expiresAtMs: number;
  readonly clockId: string;
  readonly expiresSteadyMs: number;
  readonly leaseMs: number;
}

/**
 * Creates the gate over its row in the ledger. A lease lasts `leaseMs` and is renewed four times as often.
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
  /** What was last seen of a lease by somebody else's clock, and since when it has been like that. */
  let seen: { readonly row: Row; readonly sinceMs: number } | undefined;

  function newEnd() {
    const steadyMs = clock.nowMs();
    return {
      expires_at_ms: Date.now() + leaseMs,
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
      .where('id', '=', 1)
      .where('fence', '=', fence)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  async function look(): Promise<Row> {
    const row = await db
      .selectFrom('gate')
      .select(['fence', 'expires_at_ms', 'clock_id', 'expires_steady_ms', 'lease_ms'])
      .where('id', '=', 1)
      .executeTakeFirstOrThrow();
    return {
      fence: Number(row.fence),
      expiresAtMs: Number(row.expires_at_ms),
      clockId: row.clock_id,
      expiresSteadyMs: Number(row.expires_steady_ms),
      leaseMs: Number(row.lease_ms) || leaseMs,
    };
  }

  function isHeldNow(row: Row): boolean {
    if (row.expiresAtMs === 0) return false;
    const nowMs = clock.nowMs();
    const leftMs = row.expiresSteadyMs - nowMs;
    // One that ends later than any lease does is not by this clock, whatever it is called.
    if (row.clockId === clock.id && leftMs <= row.leaseMs) return leftMs > 0;

    const isUnchanged =
      seen !== undefined && seen.row.fence === row.fence && seen.row.expiresAtMs === row.expiresAtMs;
    if (!isUnchanged) seen = { row, sinceMs: performance.now() };
    return performance.now() - (seen?.sinceMs ?? 0) < row.leaseMs;
  }

  return {
    async acquire({ recordingId, holder, onLost }) {
      const row = await look();
      if (isHeldNow(row)) return undefined;
      const taken = await db
        .updateTable('gate')
        .set((gate) => ({ holder, recording_id: recordingId, fence: gate('fence', '+', 1), ...newEnd() }))
        .where('id', '=', 1)
        // As it was seen: its holder may have shown a sign of life since, or somebody else have been quicker.
        .where('fence', '=', row.fence)
        .where('expires_at_ms', '=', row.expiresAtMs)
        .where('expires_steady_ms', '=', row.expiresSteadyMs)
        .returning('fence')
        .executeTakeFirst();
      if (taken === undefined) return undefined;

      const fence = Number(taken.fence);
      let isHeld = true;
      const lose = () => {
        if (!isHeld) return;
        isHeld = false;
        clearInterval(timer);
        onLost();
      };
      const timer = setInterval(() => {
        // A renewal that fails is tried again a moment later; `check` is what protects remote effects.
        renew(fence).then(
          (isOurs) => isOurs || lose(),
          () => {},
        );
      }, leaseMs / 4);

      const hold = async (movedId?: string) => {
        if (isHeld && (await renew(fence, movedId))) return;
        lose();
        throw leaseLost();
      };

      return {
        fence,
        check: () => hold(),
        turnTo: (movedId) => hold(movedId),
        async release() {
          isHeld = false;
          clearInterval(timer);
          await db
            .updateTable('gate')
            .set({ holder: null, recording_id: null, expires_at_ms: 0 })
            .where('id', '=', 1)
            .where('fence', '=', fence)
            .execute();
        },
      };
    },

    async expiresAtMs() {
      const row = await db
        .selectFrom('gate')
        .select('expires_at_ms')
        .where('id', '=', 1)
        .executeTakeFirstOrThrow();
      return Number(row.expires_at_ms);
    },
  };
}
