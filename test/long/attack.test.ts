import { expect, it } from 'vitest';
import { runAttacks } from '../../scripts/attack/run.ts';

it('every attack is met as it should be, and changes nothing, while an honest upload comes home', async () => {
  const { lines } = await runAttacks({ isQuick: true, say: () => {} });

  expect(lines.filter(({ isOk }) => !isOk)).toEqual([]);
  expect(lines.length).toBeGreaterThan(60);
});
