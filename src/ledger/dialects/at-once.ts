import type { CompiledQuery, Kysely, QueryResult } from 'kysely';
import type { Tables } from '../schema.ts';

/** Carries out statements in one exchange with a server: as one change, which is committed when the promise resolves. */
export type AtOnce = (queries: readonly CompiledQuery[]) => Promise<readonly QueryResult<unknown>[]>;

const known = new WeakMap<Kysely<Tables>, AtOnce>();

/** Says that a database can do so. */
export function canAtOnce(db: Kysely<Tables>, atOnce: AtOnce): void {
  known.set(db, atOnce);
}

/** `undefined` of a file, where a statement costs no exchange. */
export function atOnceIn(db: Kysely<Tables>): AtOnce | undefined {
  return known.get(db);
}
