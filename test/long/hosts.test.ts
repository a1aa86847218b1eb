import { expect, it } from 'vitest';
import { NOTHING_FOUND_OF_HOSTS, runHosts } from '../support/chaos-run.ts';

/** The damage takes two minutes; the start, the drain and the comparison take what they take. */
const TIMEOUT_MS = 15 * 60_000;

it('two minutes of several hosts lose, double and leave nothing', { timeout: TIMEOUT_MS }, async () => {
  const { exitCode, output } = await runHosts(['--minutes', '2', '--seed', '20261129']);

  expect(output).toMatch(NOTHING_FOUND_OF_HOSTS);
  expect(exitCode, output).toBe(0);
});
