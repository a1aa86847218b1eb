import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makePlan } from '../../scripts/chaos/plan.ts';

const root = join(import.meta.dirname, '../..');

/** The damage takes two minutes; the start, the drain and the comparison take what they take. */
const TIMEOUT_MS = 12 * 60_000;

let child: ChildProcess | undefined;

afterEach(async () => {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}, 60_000);

/** Runs the script as `npm run chaos` does, once all is built. */
async function runChaos(args: readonly string[]): Promise<{ exitCode: number | null; output: string }> {
  const command = [join(root, 'node_modules/tsx/dist/cli.mjs'), join(root, 'scripts/chaos.ts'), ...args];
  child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => chunks.push(text));
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output: chunks.join('') };
}

describe('the chaos run', () => {
  it('loses, doubles and leaves nothing while everything is killed and every service fails', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { exitCode, output } = await runChaos(['--minutes', '2', '--seed', '20261121']);

    expect(output).toMatch(
      /^chaos: kills [1-9]\d*, faults [1-9]\d*, recordings [1-9]\d*, lost 0, doubled 0, left 0, wrong 0$/m,
    );
    expect(exitCode, output).toBe(0);
  });

  it('makes the same plan of the same seed, and another one of another', () => {
    const planOf = (seed: number) => makePlan({ seed, durationMs: 120_000, recordings: 16 });

    expect(planOf(7)).toEqual(planOf(7));
    expect(planOf(7)).not.toEqual(planOf(8));
  });

  it('refuses a seed that is no number', async () => {
    const { exitCode, output } = await runChaos(['--seed', 'x']);

    expect(output).toContain('--seed takes a number');
    expect(exitCode).toBe(2);
  });
});
