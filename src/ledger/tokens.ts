import { sql, type Transaction } from 'kysely';
import type { Origin } from '../domain/recording.ts';
import { change } from './change.ts';
import { type Database, emptyLog } from './database.ts';
import type { Tables } from './schema.ts';

/** How long a download token is taken at its source, in milliseconds. */
const TOKEN_LIFE_MS = 24 * 3_600_000;

/** Forgets a recording's download token, which nothing needs any more. */
export async function forgetToken(trx: Transaction<Tables>, id: string): Promise<void> {
  const row = await trx.selectFrom('recordings').select('origin').where('id', '=', id).executeTakeFirst();
  const origin: Origin | undefined = row && JSON.parse(row.origin);
  if (origin === undefined || !('downloadToken' in origin) || origin.downloadToken === null) return;
  await trx
    .updateTable('recordings')
    .set({ origin: JSON.stringify({ ...origin, downloadToken: null }) })
    .where('id', '=', id)
    .execute();
}

/**
 * Forgets the tokens of recordings that have ended and that their source no longer takes, and what the ledger's log still has of
 * those that were forgotten before. Until then one that has failed keeps its own: it may be retried.
 */
export async function forgetOldTokens(db: Database, nowMs: number): Promise<void> {
  const rows = await db
    .selectFrom('recordings')
    .select('id')
    .where('ended_at_ms', 'is not', null)
    .where('ended_at_ms', '<', nowMs - TOKEN_LIFE_MS)
    .where(sql<boolean>`json_extract(origin, '$.downloadToken') is not null`)
    .execute();
  for (const { id } of rows) {
    await change(db, async (trx) => await forgetToken(trx, id));
  }
  await emptyLog(db);
}
