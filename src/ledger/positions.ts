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

export async function setPosition(db: Kysely<Tables>, reader: string, seq: number): Promise<void> {
  await db
    .insertInto('positions')
    .values({ reader, seq })
    .onConflict((conflict) => conflict.column('reader').doUpdateSet({ seq }))
    .execute();
}
