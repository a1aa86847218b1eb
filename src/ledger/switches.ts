import { wallMs } from '../lib/wall-time.ts';
import type { Database } from './database.ts';

/**
 * - `line.paused`: no recording begins to move
 * - `site.gone`: the website has answered 410 at the address that is the value; nothing is sent there
 */
export type Switch = 'line.paused' | 'site.gone';

/** What has been switched, by a person or by an answer, and stays so until it is switched back. */
export interface Switches {
  get(name: Switch): Promise<string | undefined>;
  set(name: Switch, value: string): Promise<void>;
  clear(name: Switch): Promise<void>;
}

export function createSwitches({ db }: { db: Database }): Switches {
  return {
    async get(name) {
      const row = await db.selectFrom('switches').select('value').where('name', '=', name).executeTakeFirst();
      return row?.value;
    },
    async set(name, value) {
      const change = { value, set_at_ms: wallMs() };
      await db
        .insertInto('switches')
        .values({ name, ...change })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(change))
        .execute();
    },
    async clear(name) {
      await db.deleteFrom('switches').where('name', '=', name).execute();
    },
  };
}
