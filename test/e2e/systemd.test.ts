import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const UNIT = join(import.meta.dirname, '../../docs/systemd/sluice.service');
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

function analyze(...args: string[]) {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

it.skipIf(!hasSystemd)('the unit has no mistakes', () => {
  const { status, text } = analyze('verify', UNIT);

  expect(text.split('\n').filter((line) => line.includes('sluice.service'))).toEqual([]);
  expect(status).toBe(0);
});

it.skipIf(!hasSystemd)('the unit shuts Sluice in', () => {
  const { status, text } = analyze('security', '--offline=yes', '--threshold=20', UNIT);

  // Of 10, which is no protection at all; the threshold counts in tenths.
  expect(text).toMatch(/Overall exposure level for sluice\.service: 1\.\d/);
  expect(status).toBe(0);
});
