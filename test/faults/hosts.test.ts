import { describe, expect, it } from 'vitest';
import { NOTHING_FOUND_OF_HOSTS, runHosts } from '../support/chaos-run.ts';

/** The damage takes half a minute; the start, the drain and the comparison take what they take. */
const TIMEOUT_MS = 15 * 60_000;

describe('the small world of hosts', () => {
  it('loses, doubles and leaves nothing while hosts die, hang and are cut off, and what they share does', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { exitCode, output } = await runHosts(['--minutes', '0.5', '--seed', '20261129']);

    expect(output).toMatch(NOTHING_FOUND_OF_HOSTS);
    expect(exitCode, output).toBe(0);
  });

  it('refuses a seed that is no number', async () => {
    const { exitCode, output } = await runHosts(['--seed', 'x']);

    expect(output).toContain('--seed takes a number');
    expect(exitCode).toBe(2);
  });
});
