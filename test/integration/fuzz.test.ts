import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { casesOf, FUZZES, runFuzz } from '../../scripts/fuzz/properties.ts';
import { type FuzzWorld, openFuzzWorld } from '../../scripts/fuzz/world.ts';
import { isWhole } from '../support/whole-tables.ts';

const CASES = isWhole ? 2000 : 500;

let world: FuzzWorld;
beforeAll(async () => {
  world = await openFuzzWorld();
});
afterAll(() => world?.close());

// A failure names its seed: npm run fuzz -- --seed S tries the same cases and more.
it.each(FUZZES)('$name', async (fuzz) => {
  const seed = randomInt(2 ** 31);

  await expect(runFuzz(fuzz, world, { cases: casesOf(fuzz, CASES), seed })).resolves.toBeUndefined();
});
