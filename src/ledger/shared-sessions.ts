import { randomBytes } from 'node:crypto';
import { wallMs } from '../lib/wall-time.ts';
import { change } from './change.ts';
import type { Database } from './database.ts';

/** What the doors of several hosts have to know of the sessions of operators, so that one begun at one is known at all. */
export interface SharedSessions {
  /** With which sessions are signed, the same for all; made the first time. */
  key(): Promise<string>;
  /** Notes that a session has ended before its time. */
  end(digest: string, endsAtMs: number): Promise<void>;
  /** The digests of those that have, and would last. */
  ended(): Promise<string[]>;
}

const KEY = 'sessions.key';

export function createSharedSessions({ db }: { db: Database }): SharedSessions {
  return {
    key: () =>
      change(db, async (trx) => {
        const known = await trx
          .selectFrom('switches')
          .select('value')
          .where('name', '=', KEY)
          .executeTakeFirst();
        if (known !== undefined) return known.value;
        const value = randomBytes(32).toString('base64url');
        await trx.insertInto('switches').values({ name: KEY, value, set_at_ms: wallMs() }).execute();
        return value;
      }),

    async end(digest, endsAtMs) {
      await db.deleteFrom('ended_sessions').where('ends_at_ms', '<', wallMs()).execute();
      await db
        .insertInto('ended_sessions')
        .values({ digest, ends_at_ms: endsAtMs })
        .onConflict((conflict) => conflict.column('digest').doNothing())
        .execute();
    },

    async ended() {
      const rows = await db
        .selectFrom('ended_sessions')
        .select('digest')
        .where('ends_at_ms', '>=', wallMs())
        .execute();
      return rows.map(({ digest }) => digest);
    },
  };
}
