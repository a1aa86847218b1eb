import { isOfTheLedger } from './trouble.ts';

/** How many share a transaction at most. */
const MOST_IN_A_GROUP = 100;

/**
 * Lets what comes at the same moment be done together, in its order, one group after another: on a slow disk a crowd waits no
 * longer than one of them. Where one of a group fails, each is done alone, so that it does not harm the others; trouble of the
 * ledger itself is that of all.
 *
 * @param doAll All of a group or none; resolves with a result for each
 */
export function createGroups<In, Out>(
  doAll: (group: readonly In[]) => Promise<readonly Out[]>,
): (one: In) => Promise<Out> {
  interface Waiting {
    readonly one: In;
    readonly resolve: (result: Out) => void;
    readonly reject: (error: unknown) => void;
  }

  const queue: Waiting[] = [];
  let isRunning = false;

  async function settle(group: readonly Waiting[]): Promise<void> {
    try {
      const results = await doAll(group.map(({ one }) => one));
      group.forEach(({ resolve }, at) => void resolve(results[at] as Out));
    } catch (error) {
      if (group.length === 1 || isOfTheLedger(error)) {
        for (const { reject } of group) reject(error);
        return;
      }
      for (const waiting of group) await settle([waiting]);
    }
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      // Whatever has arrived by now joins.
      await new Promise(setImmediate);
      await settle(queue.splice(0, MOST_IN_A_GROUP));
    }
    isRunning = false;
  }

  return (one) =>
    new Promise<Out>((resolve, reject) => {
      queue.push({ one, resolve, reject });
      if (isRunning) return;
      isRunning = true;
      void run();
    });
}
