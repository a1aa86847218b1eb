import type { Transaction } from 'kysely';
import { wallMs } from '../lib/wall-time.ts';
import { addLast, type UnnumberedEvent } from './change.ts';
import type { EventType } from './events.ts';
import type { Tables } from './schema.ts';

/** Adds to a recording's history, in the transaction of what happened: it can be read there once that has ended. */
export function addEvent(trx: Transaction<Tables>, id: string, type: EventType, data: object): void {
  addLast(trx, eventOf(id, type, data));
}

export function eventOf(id: string, type: EventType, data: object): UnnumberedEvent {
  return { recording_id: id, at_ms: wallMs(), type, data: JSON.stringify(data) };
}
