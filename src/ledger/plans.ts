import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Plan } from '../domain/recipe.ts';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';

/** The ways that recordings go, each kept once, as it was planned: what becomes of a recipe later does not change them. */
export interface Plans {
  /** @throws Error if the ledger has none by this key: a bug */
  get(key: string): Promise<Plan>;
}

export function createPlans({ db }: { db: Database }): Plans {
  const known = new Map<string, Plan>();
  return {
    async get(key) {
      const plan = known.get(key) ?? (await read(db, key));
      known.set(key, plan);
      return plan;
    },
  };
}

/** Keeps a plan if it is not kept yet, as part of a transaction; returns its key. */
export async function keepPlan(trx: Kysely<Tables>, plan: Plan): Promise<string> {
  const text = JSON.stringify(plan);
  const key = createHash('sha256').update(text).digest('hex').slice(0, 32);
  await trx
    .insertInto('plans')
    .values({ key, plan: text })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute();
  return key;
}

async function read(db: Database, key: string): Promise<Plan> {
  const row = await db.selectFrom('plans').select('plan').where('key', '=', key).executeTakeFirstOrThrow();
  return JSON.parse(row.plan);
}
