import type { Kysely, Transaction } from 'kysely';
import type { Tables } from './schema.ts';

/** Up to which event a reader has followed the history; `undefined`: it has not begun. */
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

/** The position, which nobody else who follows the history for this reader moves until the end of the transaction. */
export async function holdPosition(trx: Transaction<Tables>, reader: string): Promise<number> {
  await trx
    .updateTable('positions')
    .set((row) => ({ seq: row.ref('seq') }))
    .where('reader', '=', reader)
    .execute();
  return (await positionOf(trx, reader)) ?? 0;
}
