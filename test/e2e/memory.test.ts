import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const checkout = join(import.meta.dirname, '../..');

describe('the memory of a worker', () => {
  // The same measurement with recordings of gigabytes is made by hand: what counts is that the figure stays the same.
  it('R21 stays below 200 MiB while it moves a recording', async () => {
    const command = ['--import', 'tsx', 'scripts/measure-memory.ts', '--mib', '64'];

    const { stdout } = await run(process.execPath, command, { cwd: checkout });

    expect(stdout).toMatch(/^worker peak memory: \d+ MiB \(limit 200\)$/m);
  });
});
