import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { KnownError } from '../domain/errors.ts';
import { createTurnsAbout } from '../lib/turns.ts';
import { wallMs } from '../lib/wall-time.ts';
import type { Database } from './database.ts';

/** How long one that has died keeps others away, in milliseconds; and how long those wait at most. */
const HELD_MS = 10_000;
const PATIENCE_MS = 15_000;

/** How often it is looked whether it is free, in milliseconds. */
const LOOK_EVERY_MS = 20;

/** Lets one thing after another be done about the same, wherever the ledger is kept; about others nothing waits. */
export interface Locks {
  /**
   * Does work about something, in its turn.
   *
   * @throws KnownError `LEDGER_BUSY` where others have kept it for too long
   */
  hold<T>(about: string, work: () => Promise<T>): Promise<T>;
}

/** @param isShared Whether processes of other hosts may do work about the same */
export function createLocks({ db, isShared }: { db: Database; isShared: boolean }): Locks {
  const inTurn = createTurnsAbout();

  async function holdEverywhere<T>(about: string, work: () => Promise<T>): Promise<T> {
    // Names may be of any length.
    const name = createHash('sha256').update(about).digest('hex');
    const holder = randomUUID();
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!(await take(name, holder))) {
      if (performance.now() > deadlineMs) {
        throw new KnownError(`Others have been at the same for ${PATIENCE_MS / 1000} s: ${about}`, {
          code: 'LEDGER_BUSY',
        });
      }
      await sleep(LOOK_EVERY_MS);
    }
    try {
      return await work();
    } finally {
      // One that cannot be given back ends by itself.
      await db
        .deleteFrom('locks')
        .where('name', '=', name)
        .where('holder', '=', holder)
        .execute()
        .catch(() => {});
    }
  }

  async function take(name: string, holder: string): Promise<boolean> {
    const nowMs = wallMs();
    const until_ms = nowMs + HELD_MS;
    const taken = await db
      .insertInto('locks')
      .values({ name, holder, until_ms })
      .onConflict((conflict) =>
        conflict.column('name').doUpdateSet({ holder, until_ms }).where('locks.until_ms', '<', nowMs),
      )
      .executeTakeFirst();
    return (taken.numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  return {
    hold: (about, work) => inTurn(about, isShared ? () => holdEverywhere(about, work) : work),
  };
}
