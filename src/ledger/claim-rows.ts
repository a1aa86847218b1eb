import type { Transaction } from 'kysely';
import type { Tables } from './schema.ts';

/** What a step has made in its service, by its names there; none: something of which no name is known yet. */
export interface Made {
  readonly service: string;
  readonly refs: readonly string[];
}

/** Whose it is that a step has made, in place of what it said before; `undefined`: it has nothing there. */
export async function setClaims(
  trx: Transaction<Tables>,
  id: string,
  stage: string,
  made: Made | undefined,
): Promise<void> {
  await forgetClaims(trx, id, stage);
  if (made === undefined || made.refs.length === 0) return;
  const { service, refs } = made;
  await trx
    .insertInto('claims')
    .values(refs.map((ref) => ({ service, ref, recording_id: id, stage })))
    .execute();
}

/** A step has nothing any more with its service; returns the names of what it had there. */
export async function forgetClaims(trx: Transaction<Tables>, id: string, stage: string): Promise<string[]> {
  const had = await trx
    .deleteFrom('claims')
    .where('recording_id', '=', id)
    .where('stage', '=', stage)
    .returning('ref')
    .execute();
  return had.map(({ ref }) => ref);
}
