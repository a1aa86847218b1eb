import type { Transaction } from 'kysely';
import { change } from './change.ts';
import type { Database } from './database.ts';
import { createGroups } from './groups.ts';
import type { Tables } from './schema.ts';

type Change<T> = (trx: Transaction<Tables>) => Promise<T>;

/** Makes a change in a transaction; it is on the disk when the promise resolves. */
export type GroupCommit = <T>(change: Change<T>) => Promise<T>;

/** Lets changes that come at the same moment share one transaction, and so one wait for the disk. */
export function createGroupCommit({ db }: { db: Database }): GroupCommit {
  const commit = createGroups<Change<unknown>, unknown>((group) =>
    change(db, async (trx) => {
      const results: unknown[] = [];
      for (const each of group) results.push(await each(trx));
      return results;
    }),
  );
  return (change) => commit(change) as ReturnType<typeof change>;
}
