import type { SelectQueryBuilder, Transaction } from 'kysely';
import type { Tables } from './schema.ts';

type Steps = SelectQueryBuilder<Tables, 'stages', { stage: string }>;

/** Whether a recording has begun a step at all, or one that is like this. */
export async function hasStep(
  trx: Transaction<Tables>,
  id: string,
  like: (steps: Steps) => Steps = (steps) => steps,
): Promise<boolean> {
  const steps = trx.selectFrom('stages').select('stage').where('recording_id', '=', id).limit(1);
  return (await like(steps).executeTakeFirst()) !== undefined;
}
