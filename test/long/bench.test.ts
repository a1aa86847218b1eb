import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const execute = promisify(execFile);
const checkout = join(import.meta.dirname, '../..');

describe('the bench', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bench-test-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  // The same with recordings of gigabytes is run by hand: what counts is that the figures stay the same.
  it('R21 finds the memory of a worker flat and below 200 MiB, behind TLS too, writes it down, and leaves nothing behind', async () => {
    const sizes = ['--small-mib', '8', '--large-mib', '64', '--waiting', '3', '--rounds', '1'];
    const jsonPath = join(folder, 'figures.json');
    const temp = join(folder, 'temp');
    await mkdir(temp);
    const command = [
      '--import',
      'tsx',
      'scripts/bench/main.ts',
      'flat',
      '--tls',
      ...sizes,
      '--json',
      jsonPath,
    ];

    const { stdout } = await execute(process.execPath, command, {
      cwd: checkout,
      env: { ...process.env, TMPDIR: temp },
    });

    const report = JSON.parse(await readFile(jsonPath, 'utf8'));
    expect(report).toMatchObject({
      machine: { cpus: expect.any(Number), memoryMiB: expect.any(Number), node: process.versions.node },
      bench: 'flat',
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      rounds: 1,
      figures: { 'flat.peak_mib': expect.any(Number), 'flat.waiting_1000_mib': expect.any(Number) },
      samples: { 'flat.peak_mib': [report.figures['flat.peak_mib']] },
    });
    expect(report.figures['flat.peak_mib']).toBeLessThan(200);
    expect(report.figures['flat.tls_peak_mib']).toBeLessThan(200);
    expect(report.figures['flat.growth']).toBeLessThan(1.3);
    expect(stdout).toMatch(/^64 MiB +\d+ /m);
    expect(stdout).toMatch(/^64 MiB, every service behind TLS +\d+ /m);
    expect((await readdir(temp)).filter((name) => !name.startsWith('tsx-'))).toEqual([]);
  });
});
