import type { Transaction } from 'kysely';
import { hostOf, type NewRecording, type Origin } from '../domain/recording.ts';
import { addEvent } from './add-event.ts';
import { hasStep } from './has-step.ts';
import { putOpen } from './output-stands.ts';
import { keepPlan } from './plans.ts';
import type { Tables } from './schema.ts';
import { searchText } from './search-text.ts';

/** The state of one that begins anew, as if nothing had been tried yet. */
export const NEW_BEGINNING = {
  state: 'waiting',
  lane: null,
  place: 0,
  failed_attempts: 0,
  open_starts: 0,
  not_before_ms: 0,
  ended_at_ms: null,
} as const satisfies Partial<Tables['recordings']>;

/** Gives a recording that was over a new beginning, as a door has brought it; a title that an operator gave it stays. */
export async function renew(trx: Transaction<Tables>, id: string, input: NewRecording): Promise<void> {
  const named = await trx
    .selectFrom('recordings')
    .select('title')
    .where('id', '=', id)
    .where('is_renamed', '=', 1)
    .executeTakeFirst();
  const title = named?.title ?? input.title;
  // What was made on the old way can be taken back on that way only.
  const plan =
    input.plan === undefined || (await hasStep(trx, id)) ? {} : { plan_key: await keepPlan(trx, input.plan) };
  await trx
    .updateTable('recordings')
    .set({
      origin: JSON.stringify(input.origin),
      details: JSON.stringify(input.details),
      metadata: input.metadata === undefined ? null : JSON.stringify(input.metadata),
      title,
      webhook_url: input.webhookUrl ?? null,
      ...(input.placement === undefined ? {} : { placement: JSON.stringify(input.placement) }),
      bytes: input.origin.bytes,
      ...placeOf(input.origin),
      search: searchText({ id, ...input, title }),
      renewal: null,
      ...plan,
      ...NEW_BEGINNING,
      place: input.place ?? 0,
      not_before_ms: input.notBeforeMs ?? 0,
    })
    .where('id', '=', id)
    .execute();
  await putOpen(trx, id, 'failed');
  addEvent(trx, id, 'recording.revived', broughtBy(input));
}

/** Where a recording's bytes lie as it comes. */
export function placeOf(origin: Origin): Pick<Tables['recordings'], 'host' | 'origin_host' | 'is_bound'> {
  const host = hostOf(origin) ?? null;
  return { host, origin_host: host, is_bound: host === null ? null : 1 };
}

/** What a recording's history says of how it came. */
export function broughtBy({ source, foundBy }: NewRecording) {
  return foundBy === undefined ? { source } : { source, foundBy };
}
