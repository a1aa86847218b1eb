import { describe, expect, it } from 'vitest';
import { makePlan } from '../../scripts/chaos/plan.ts';
import { NOTHING_FOUND, runChaos } from '../support/chaos-run.ts';

/** The damage takes half a minute; the start, the drain and the comparison take what they take. */
const TIMEOUT_MS = 8 * 60_000;

describe('the chaos run', () => {
  it('loses, doubles and leaves nothing while everything is killed and every service fails', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { exitCode, output } = await runChaos(['--minutes', '0.5', '--seed', '20261121']);

    expect(output).toMatch(NOTHING_FOUND);
    expect(exitCode, output).toBe(0);
  });

  it('makes the same plan of the same seed, and another one of another', () => {
    const planOf = (seed: number) => makePlan({ seed, durationMs: 120_000, recordings: 16, jobs: 8 });

    expect(planOf(7)).toEqual(planOf(7));
    expect(planOf(7)).not.toEqual(planOf(8));
  });

  it('refuses a seed that is no number', async () => {
    const { exitCode, output } = await runChaos(['--seed', 'x']);

    expect(output).toContain('--seed takes a number');
    expect(exitCode).toBe(2);
  });
});
