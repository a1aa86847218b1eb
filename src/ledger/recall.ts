import type { Transaction } from 'kysely';
import { addEvent } from './add-event.ts';
import { companionsOf } from './after-done.ts';
import { toRecording } from './recording-rows.ts';
import { NEW_BEGINNING } from './renewal.ts';
import type { Tables } from './schema.ts';

type Trx = Transaction<Tables>;

/**
 * Something was made of a recording that is of interest to its companions: the steps of these tasks that they have done are
 * done once more, of those that are home from the archive, and those that wait for it move at once.
 */
export async function recallSteps(trx: Trx, id: string, tasks: readonly string[]): Promise<void> {
  const made = await read(trx, id);
  const video = made?.runOf === undefined ? made : await read(trx, made.runOf);
  if (video === undefined) return;
  for (const companion of await companionsOf(trx, video)) {
    const { state, lastError } = companion;
    const recalled = await reopen(trx, companion.id, tasks);
    for (const stage of recalled) addEvent(trx, companion.id, 'stage.recalled', { stage, by: id });
    const change =
      recalled.length > 0 && state === 'done'
        ? { ...NEW_BEGINNING, last_error: null, is_reopened: 1 }
        : state === 'waiting' && (recalled.length > 0 || lastError?.code === 'WAITING_FOR_VIDEO')
          ? { not_before_ms: 0 }
          : undefined;
    if (change === undefined) continue;
    await trx.updateTable('recordings').set(change).where('id', '=', companion.id).execute();
  }
}

async function read(trx: Trx, id: string) {
  const row = await trx.selectFrom('recordings').selectAll().where('id', '=', id).executeTakeFirst();
  return row && toRecording(row);
}

/** Forgets that a step was done, and keeps what it knew, to take that back by; returns which steps. */
async function reopen(trx: Trx, id: string, tasks: readonly string[]): Promise<string[]> {
  const rows = await trx
    .updateTable('stages')
    .set((row) => ({ checkpoint: row.ref('fact'), fact: null, done_at_ms: null }))
    .where('recording_id', '=', id)
    .where('task', 'in', tasks)
    .where('fact', 'is not', null)
    .where('ending', 'is', null)
    .returning('stage')
    .execute();
  return rows.map(({ stage }) => stage);
}
