import type { Kysely } from 'kysely';
import type { Plan } from '../domain/recipe.ts';
import { sha256 } from '../lib/digest.ts';
import { keepLast } from '../lib/keep-last.ts';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';

/** The ways that recordings go, each kept once, as it was planned: what becomes of a recipe later does not change them. */
export interface Plans {
  /** @throws Error if the ledger has none by this key: a bug */
  get(key: string): Promise<Plan>;
}

/** So many are remembered: those of recipes, which all recordings share, and the last of runs that have one of their own. */
const MOST_REMEMBERED = 500;

export function createPlans({ db }: { db: Database }): Plans {
  const known = new Map<string, Plan>();
  return {
    async get(key) {
      const plan = known.get(key) ?? (await read(db, key));
      keepLast(known, key, plan, MOST_REMEMBERED);
      return plan;
    },
  };
}

/** The rows of plans, written out once each: all recordings of a recipe are handed the same plan. */
const rows = new WeakMap<Plan, Tables['plans']>();

function rowOf(plan: Plan): Tables['plans'] {
  let row = rows.get(plan);
  if (row === undefined) {
    const text = JSON.stringify(plan);
    row = { key: sha256(text).slice(0, 32), plan: text };
    rows.set(plan, row);
  }
  return row;
}

/** What a plan is kept under, whether or not it is kept. */
export function planKeyOf(plan: Plan): string {
  return rowOf(plan).key;
}

/** Keeps a plan if it is not kept yet, as part of a transaction; returns its key. */
export async function keepPlan(trx: Kysely<Tables>, plan: Plan): Promise<string> {
  const row = rowOf(plan);
  await trx
    .insertInto('plans')
    .values(row)
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute();
  return row.key;
}

async function read(db: Database, key: string): Promise<Plan> {
  const row = await db.selectFrom('plans').select('plan').where('key', '=', key).executeTakeFirstOrThrow();
  return JSON.parse(row.plan);
}
