import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { KnownError } from '../domain/errors.ts';
import { sha256 } from '../lib/digest.ts';
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
    const name = sha256(about);
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
      await sql`delete from locks where name = ${name} and holder = ${holder}`.execute(db).catch(() => {});
    }
  }

  async function take(name: string, holder: string): Promise<boolean> {
    const nowMs = wallMs();
    const until_ms = nowMs + HELD_MS;
    // As it is, so that it waits for none of the changes of the ledger.
    const { rows } =
      await sql`insert into locks (name, holder, until_ms) values (${name}, ${holder}, ${until_ms})
      on conflict (name) do update set holder = excluded.holder, until_ms = excluded.until_ms
      where locks.until_ms < ${nowMs} returning name`.execute(db);
    return rows.length > 0;
  }

  return {
    hold: (about, work) => inTurn(about, isShared ? () => holdEverywhere(about, work) : work),
  };
}
