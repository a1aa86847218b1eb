import type { Transaction } from 'kysely';
import { wallMs } from '../lib/wall-time.ts';
import { nextNumber } from './change.ts';
import type { EventType } from './events.ts';
import type { Tables } from './schema.ts';

/** Adds to a recording's history, in the transaction of what happened. */
export async function addEvent(
  trx: Transaction<Tables>,
  id: string,
  type: EventType,
  data: object,
): Promise<void> {
  await trx
    .insertInto('events')
    .values({
      seq: await nextNumber(trx, 'events'),
      recording_id: id,
      at_ms: wallMs(),
      type,
      data: JSON.stringify(data),
    })
    .execute();
}
