import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { OutputsFact } from '../../src/domain/media/output.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { buildCrashCopy, startCrashWorker } from '../support/faults-worker.ts';
import { type House, openHouse } from '../support/house.ts';

const RECIPES = `
default: smaller
recipes:
  - name: smaller
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: small, task: transcode, takes: { file: fetch.file }, params: { shortSide: 240 } }
      - { id: pieces, task: chunk, takes: { file: fetch.file }, params: { seconds: 5 }, after: small }
      - { id: tidy, task: cleanup, after: [archive, small, pieces] }
`;

let folder: string;
let out: string;
let settings: Record<string, string>;
let house: House;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-fault-outputs-'));
  out = join(folder, 'out');
  await mkdir(out);
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
  settings = { RECIPES_FILE: join(folder, 'recipes.yaml'), MEDIA_OUT: out };
  await buildCrashCopy();
  house = await openHouse({ ...QUICK_SETTINGS, ...settings });
});
afterEach(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

/** A film that takes some seconds to encode. */
async function film(): Promise<string> {
  const path = join(folder, 'film.mp4');
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=960x540:r=25:d=20', '-preset', 'ultrafast', '-g', '50'];
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', ...picture, '-c:v', 'libx264', path]);
  return path;
}

async function filesBelow(path: string): Promise<string[]> {
  const found = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .filter((key) => !/^\.sluice\/(?!unfinished)/.test(key))
    .sort();
}

const scratchOf = () => join(house.config.dataDir, 'scratch');

/** Runs of ffmpeg that work on this house's files. */
async function running(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.startsWith('ffmpeg\0') && line.includes(folder));
}

async function expectOutputs(id: string): Promise<void> {
  const state = await house.reaches(id, 'done', 'failed');
  expect([state, (await house.recordings.get(id))?.lastError]).toEqual(['done', null]);
  const { facts } = await house.recordings.progress(id);
  const outputs = ['small', 'pieces'].flatMap((name) => (facts[name] as OutputsFact).outputs);
  expect(await filesBelow(out)).toEqual(outputs.map(({ key }) => key).sort());
  expect(outputs.length).toBe(1 + 4);
  expect(await running()).toEqual([]);
  expect(await filesBelow(scratchOf())).toEqual([]);
}

it('a worker that is killed while it encodes leaves no ffmpeg, and the next one makes all of it', async () => {
  const path = await film();
  const doomed = startCrashWorker(house, { settings });
  const { id } = await house.addCustom('Film', { path, keep_file: true });
  await expect
    .poll(() => filesBelow(scratchOf()), { timeout: 30_000, interval: 20 })
    .toEqual([expect.stringMatching(/^rec_\w+\/small\/\d+\/video\.mp4$/)]);
  await doomed.kill();
  await expect.poll(running, { timeout: 10_000 }).toEqual([]);

  const heir = startCrashWorker(house, { settings });
  try {
    await expectOutputs(id);
  } finally {
    await heir.kill();
  }
});

it.each(['output:after-put:1', 'output:after-put:3'] as const)(
  'a worker that dies at %s leaves nothing that counts, and the next one makes it anew',
  async (crashAt) => {
    const marker = join(folder, 'died');
    const doomed = startCrashWorker(house, { crashAt, marker, settings });
    const { id } = await house.addCustom('Film', { path: await film(), keep_file: true });
    expect(await doomed.ended, doomed.output()).toBe('SIGKILL');
    expect(await filesBelow(out)).not.toEqual([]);

    const heir = startCrashWorker(house, { settings });
    try {
      await expectOutputs(id);
    } finally {
      await heir.kill();
    }
  },
);

it('a recording that is cancelled while it is encoded leaves nothing', async () => {
  const worker = startCrashWorker(house, { settings });
  try {
    const { id } = await house.addCustom('Film', { path: await film(), keep_file: true });
    await expect.poll(running, { timeout: 30_000, interval: 20 }).toHaveLength(1);
    await house.post(`/api/recordings/${id}/cancel`, {});
    await house.reaches(id, 'cancelled');

    expect(await running()).toEqual([]);
    expect(await filesBelow(out)).toEqual([]);
    expect(await filesBelow(scratchOf())).toEqual([]);
    expect(await house.b2.files()).toEqual([]);
  } finally {
    await worker.kill();
  }
});
