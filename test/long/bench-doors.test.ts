import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const checkout = join(import.meta.dirname, '../..');

const SMALL = {
  webhooks: ['--webhooks', '60', '--per-second', '60'],
  pickup: ['--recordings', '3'],
  growth: ['--few', '2', '--many', '200', '--rounds', '2'],
  intake: ['--upload-mib', '9', '--slow-mib', '1', '--rounds', '1'],
  s3: ['--mib', '128', '--rclone-175', 'none'],
  doors: ['--calls', '40', '--calls-per-second', '40', '--jobs-asked', '5', '--encode-s', '20'],
  media: ['--film-s', '8', '--overlap-mib', '8', '--webhooks', '60', '--per-second', '60'],
} as const;

/** Names of figures that others go by; what they are is for a quiet machine to say. */
const FIGURES: Readonly<Record<keyof typeof SMALL, readonly string[]>> = {
  webhooks: [
    'p50_ms',
    'p99_ms',
    'max_ms',
    'lost',
    'redis_down_p50_ms',
    'redis_down_p99_ms',
    'redis_down_max_ms',
  ],
  pickup: ['p50_ms', 'p99_ms', 'next_p50_ms', 'next_p99_ms'],
  growth: ['accept_ratio', 'list_ratio', 'reconcile_ms', 'ledger_mib'],
  intake: ['patch_ratio', 'chunk_ratio', 'patch_cpu_ratio', 'chunk_cpu_ratio', 'slow_peak_mib'],
  s3: ['cpu_ratio', 'cpu_ratio_lean', 's_per_gib', 'worker_peak_mib', 'parts_sent_twice'],
  doors: ['create_p50_ms', 'create_p99_ms', 'results_p50_ms', 'results_p99_ms', 'lost'],
  media: [
    'cpu_ratio',
    'wall_ratio',
    'peer_cpu_ratio',
    'peer_bytes_ratio',
    'copy_ratio',
    'remux_ratio',
    'worker_peak_mib',
    'ffmpeg_ladder_peak_mib',
    'doors_p99_ms',
    'doors_lost',
    'overlap_ratio',
  ],
};

describe('npm run bench', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-bench-test-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(Object.keys(SMALL) as (keyof typeof SMALL)[])('measures %s', async (name) => {
    const json = join(folder, `${name}.json`);
    const command = ['--import', 'tsx', 'scripts/bench/main.ts', name, '--rounds', '1', ...SMALL[name]];

    const { stdout } = await run(process.execPath, [...command, '--json', json], { cwd: checkout });

    const { figures } = JSON.parse(await readFile(json, 'utf8')) as { figures: Record<string, number> };
    const names = FIGURES[name].map((figure) => `${name}.${figure}`);
    expect(Object.keys(figures)).toEqual(expect.arrayContaining(names));
    for (const figure of names) expect(stdout).toContain(`${figure} = `);
    // What does not depend on how busy the machine is.
    for (const figure of ['s3.parts_sent_twice', 'media.doors_lost']) {
      if (figure in figures) expect(figures[figure], figure).toBe(0);
    }
  });
});
