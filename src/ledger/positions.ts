import type { Kysely } from 'kysely';
import type { Tables } from './schema.ts';

/**
 * Up to which event a reader has followed the history; `undefined`: it has not begun. Asked in a transaction, nobody else
 * moves it before the end of that.
 */
export async function positionOf(db: Kysely<Tables>, reader: string): Promise<number | undefined> {
  const row = await db.selectFrom('positions').select('seq').where('reader', '=', reader).executeTakeFirst();
  return row && Number(row.seq);
}

/** Who follows the history and has to have read what goes. */
const FOLLOWERS = ['tallies', 'alarms'] as const;

/** Up to which event everybody has read who follows the history; 0 if somebody has not begun. */
export async function readByAll(db: Kysely<Tables>): Promise<number> {
  const positions = await db.selectFrom('positions').select('seq').where('reader', 'in', FOLLOWERS).execute();
  return positions.length < FOLLOWERS.length ? 0 : Math.min(...positions.map(({ seq }) => Number(seq)));
}

export async function setPosition(db: Kysely<Tables>, reader: string, seq: number): Promise<void> {
  await db
    .insertInto('positions')
    .values({ reader, seq })
    .onConflict((conflict) => conflict.column('reader').doUpdateSet({ seq }))
    .execute();
}
