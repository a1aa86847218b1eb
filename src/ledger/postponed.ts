import type { Transaction } from 'kysely';
import type { EventType } from './events.ts';
import { readByAll } from './positions.ts';
import type { Tables } from './schema.ts';

/** What an attempt leaves in the history that has got nowhere. */
const FRUITLESS: readonly EventType[] = ['attempt.started', 'stage.started'];

/** How far a history is looked back through: some attempts. */
const LOOKED_AT = 60;

/** How often an attempt was put back in a row for the same reason, this time counted, and since when. */
export interface Repeats {
  readonly times: number;
  readonly sinceMs: number;
}

/**
 * Removes from a recording's history what lies between the first attempt and the one that is just ending, of those that
 * got nowhere for the same reason: however long it waits, its history stays short. What somebody who follows the history
 * has not read yet stays for now. Returns `undefined` if this is the first.
 */
export async function foldRepeats(
  trx: Transaction<Tables>,
  id: string,
  code: string,
): Promise<Repeats | undefined> {
  const rows = await trx
    .selectFrom('events')
    .select(['seq', 'type', 'at_ms', 'data'])
    .where('recording_id', '=', id)
    .orderBy('seq', 'desc')
    .limit(LOOKED_AT)
    .execute();
  const isFruitless = ({ type }: { type: string }) => FRUITLESS.some((each) => each === type);
  const ends = rows.findIndex((row) => !isFruitless(row));
  const before = rows[ends];
  if (before?.type !== 'attempt.postponed') return undefined;
  const last = JSON.parse(before.data) as { code?: unknown; times?: number; sinceMs?: number };
  if (last.code !== code) return undefined;
  const { times = 1, sinceMs = Number(before.at_ms) } = last;

  const readSeq = await readByAll(trx);
  const surplus: number[] = [];
  for (const row of rows.slice(ends)) {
    const isRepeat =
      row.type === 'attempt.postponed' && (JSON.parse(row.data) as { times?: number }).times !== undefined;
    if (!isRepeat && !isFruitless(row)) break;
    if (Number(row.seq) <= readSeq) surplus.push(row.seq);
  }
  if (surplus.length > 0) await trx.deleteFrom('events').where('seq', 'in', surplus).execute();
  return { times: times + 1, sinceMs };
}
