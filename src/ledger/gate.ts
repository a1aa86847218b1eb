import { leaseLost } from '../domain/errors.ts';
import type { Database } from './database.ts';

/** The right to move one recording, until it is released, expires or is taken over. */
export interface Lease {
  readonly recordingId: string;
  /** Rises with every change of hands: what carries an older one comes from a worker that lost its lease. */
  readonly fence: number;
  /**
   * Makes sure, before a remote effect, that the lease is still ours.
   *
   * @throws KnownError `LEASE_LOST`
   */
  check(): Promise<void>;
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
  /** When the current lease ends unless renewed; in the past if the gate is free. */
  expiresAtMs(): Promise<number>;
}

/** Creates the gate over its row in the ledger. A lease lasts `leaseMs` and is renewed four times as often. */
export function createGate({ db, leaseMs }: { db: Database; leaseMs: number }): Gate {
  /** Extends the lease with this fence; false if it is no longer the current one. */
  async function renew(fence: number): Promise<boolean> {
    const result = await db
      .updateTable('gate')
      .set({ expires_at_ms: Date.now() + leaseMs })
      .where('id', '=', 1)
      .where('fence', '=', fence)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  return {
    async acquire({ recordingId, holder, onLost }) {
      const nowMs = Date.now();
      const taken = await db
        .updateTable('gate')
        .set((row) => ({
          holder,
          recording_id: recordingId,
          fence: row('fence', '+', 1),
          expires_at_ms: nowMs + leaseMs,
        }))
        .where('id', '=', 1)
        .where('expires_at_ms', '<=', nowMs)
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

      return {
        recordingId,
        fence,
        async check() {
          if (isHeld && (await renew(fence))) return;
          lose();
          throw leaseLost();
        },
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
