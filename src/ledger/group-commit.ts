import type { Transaction } from 'kysely';
import { change } from './change.ts';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';
import { isOfTheLedger } from './trouble.ts';

/** How many changes share a transaction at most. */
const MOST_CHANGES = 100;

type Change<T> = (trx: Transaction<Tables>) => Promise<T>;

/** Makes a change in a transaction; it is on the disk when the promise resolves. */
export type GroupCommit = <T>(change: Change<T>) => Promise<T>;

/**
 * Lets changes that come at the same moment share one transaction, in their order, and so one wait for the disk: on a
 * slow disk a crowd of webhooks waits no longer than one of them. A change that fails does not harm the others.
 */
export function createGroupCommit({ db }: { db: Database }): GroupCommit {
  interface Waiting {
    readonly change: Change<unknown>;
    readonly resolve: (result: unknown) => void;
    readonly reject: (error: unknown) => void;
  }

  const queue: Waiting[] = [];
  let isRunning = false;

  async function commit(group: readonly Waiting[]): Promise<void> {
    try {
      const results = await change(db, async (trx) => {
        const found: unknown[] = [];
        for (const { change } of group) found.push(await change(trx));
        return found;
      });
      group.forEach(({ resolve }, at) => void resolve(results[at]));
    } catch (error) {
      if (group.length === 1 || isOfTheLedger(error)) {
        for (const { reject } of group) reject(error);
        return;
      }
      for (const one of group) await commit([one]);
    }
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      // Whatever has arrived by now joins.
      await new Promise(setImmediate);
      await commit(queue.splice(0, MOST_CHANGES));
    }
    isRunning = false;
  }

  return <T>(change: Change<T>) =>
    new Promise<T>((resolve, reject) => {
      queue.push({ change, resolve: resolve as (result: unknown) => void, reject });
      if (isRunning) return;
      isRunning = true;
      void run();
    });
}
