import { expect, it } from 'vitest';
import { NOTHING_FOUND, runChaos } from '../support/chaos-run.ts';

/** The damage takes two minutes; the start, the drain and the comparison take what they take. */
const TIMEOUT_MS = 12 * 60_000;

it('two minutes of chaos lose, double and leave nothing', { timeout: TIMEOUT_MS }, async () => {
  const { exitCode, output } = await runChaos(['--minutes', '2', '--seed', '20261121']);

  expect(output).toMatch(NOTHING_FOUND);
  expect(exitCode, output).toBe(0);
});
