import { readFile } from 'node:fs/promises';
import type { Answer } from './answers.ts';
import type { Desk } from './desk.ts';
import { messageOf } from './errors.ts';
import type { Delivery } from './jobs.ts';
import type { Log } from './log.ts';

/**
 * Does the orders of these files one after the other, without a broker; what would have been answered is logged. Gives back whether all went
 * well: one that fails does not keep the next from being done.
 */
export async function processFiles(
  paths: readonly string[],
  { desk, answers, log }: { desk: Desk; answers: { last?: Answer }; log: Log },
): Promise<boolean> {
  let areAllDone = true;
  for (const path of paths) {
    delete answers.last;
    try {
      log.info(`Order ${path}`);
      await desk.take(await readFile(path), FROM_FILE);
    } catch (error) {
      log.error(`Order ${path}: ${messageOf(error)}`);
    }
    if (lastKeyOf(answers) !== 'job_completed') areAllDone = false;
  }
  return areAllDone;
}

function lastKeyOf({ last }: { last?: Answer }): string | undefined {
  return last?.key;
}

/** Nobody would bring it back, so all that is wrong with it is answered. */
const FROM_FILE: Delivery = {
  attempt: 1,
  isRedelivered: false,
  isDirect: true,
  isLive: () => true,
  settle: () => undefined,
};
