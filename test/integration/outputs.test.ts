import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { OutputsFact } from '../../src/domain/media/output.ts';
import { type House, openHouse, SAMPLE } from '../support/house.ts';
import { film } from '../support/media-world.ts';

const step = (id: string, params = '') => `{ id: ${id}, task: ${id}, takes: { file: fetch.file }${params} }`;

const RECIPES = `
recipes:
  - name: outputs
    steps:
      - { id: fetch, task: fetch }
      - ${step('thumbnail', ', params: { time: 50%, width: 160 }')}
      - { id: poster, task: thumbnail, takes: { file: fetch.file } }
      - ${step('sprite')}
      - ${step('waveform', ', params: { peaks: 50 }')}
      - ${step('trim', ', params: { start: 1, end: 4 }')}
      - ${step('transcode', ', params: { shortSide: 64 }')}
      - ${step('chunk', ', params: { seconds: 3, exact: true }')}
      - ${step('watermark', ', params: { mark: mark.png }')}
      - { id: cleanup, task: cleanup, after: [thumbnail, poster, sprite, waveform, trim, transcode, chunk, watermark] }
  - name: waveform-only
    steps:
      - { id: fetch, task: fetch }
      - ${step('waveform')}
      - { id: cleanup, task: cleanup, after: waveform }
`;

const STEPS = ['thumbnail', 'poster', 'sprite', 'waveform', 'trim', 'transcode', 'chunk', 'watermark'];

let folder: string;
let out: string;
let house: House;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-outputs-'));
  out = join(folder, 'out');
  await mkdir(out);
  await mkdir(join(folder, 'marks'));
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
  await make('marks/mark.png', '-f', 'lavfi', '-i', 'color=red:s=64x64:d=0.04', '-frames:v', '1');
  house = await openHouse({
    RECIPES_FILE: join(folder, 'recipes.yaml'),
    MEDIA_OUT: out,
    MEDIA_OUT_URL: 'https://media.example',
    MARKS_DIR: join(folder, 'marks'),
    PATH: process.env['PATH'],
    RETRY_ATTEMPTS: '2',
    // While a film is encoded nothing else is quick here.
    LEASE_MS: '10000',
  });
  await house.startWorker();
});
afterEach(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

async function make(name: string, ...args: string[]): Promise<string> {
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', ...args, join(folder, name)]);
  return join(folder, name);
}

async function keys(): Promise<string[]> {
  const found = await readdir(out, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(out.length + 1))
    .filter((key) => !key.startsWith('.sluice/'));
}

const scratch = async () =>
  (
    await readdir(join(house.config.dataDir, 'scratch'), { recursive: true, withFileTypes: true }).catch(
      () => [],
    )
  ).filter((entry) => entry.isFile());

/** A further run of a recording that is home. */
async function runOf(path: string, recipe: string): Promise<string> {
  const { id: of } = await house.addCustom(`Film for ${recipe}`, { path, keep_file: true });
  await house.reaches(of, 'done');
  const response = await house.post('/api/runs', { recording_id: of, recipe });
  return ((await response.json()) as { id: string }).id;
}

it('a run makes all kinds of outputs, tells of them, and deleting it takes them back', async () => {
  const id = await runOf(SAMPLE, 'outputs');
  await house.reaches(id, 'done', 'failed');
  expect((await house.recordings.get(id))?.lastError).toBe(null);

  const { facts } = await house.recordings.progress(id);
  const outputs = STEPS.flatMap((name) => (facts[name] as OutputsFact).outputs);
  expect(outputs.map(({ key }) => key).sort()).toEqual((await keys()).sort());
  for (const name of STEPS) {
    const fact = facts[name] as OutputsFact;
    expect(fact.prefix).toMatch(new RegExp(`^runs/${id}/${name}/\\d+/$`));
    expect(fact.cost.cpuS).toBeGreaterThan(0);
    for (const { key, address, bytes } of fact.outputs) {
      expect(key.startsWith(fact.prefix)).toBe(true);
      expect(address).toBe(`https://media.example/${key}`);
      expect(bytes).toBeGreaterThan(0);
    }
  }
  expect((await house.history(id)).filter((type) => type === 'piece.made chunk').length).toBeGreaterThan(1);
  expect(await scratch()).toEqual([]);

  await house.post(`/api/recordings/${id}/delete`, {});
  await house.reaches(id, 'deleted');
  expect(await keys()).toEqual([]);
}, 180_000);

it('a run that asks for what the file has not fails with a reason, and leaves nothing', async () => {
  const id = await runOf(await make('silent.mp4', ...film('64x64', 1)), 'waveform-only');
  await house.reaches(id, 'failed');

  expect((await house.recordings.get(id))?.lastError).toMatchObject({ code: 'STREAM_MISSING' });
  expect(await keys()).toEqual([]);
  expect(await scratch()).toEqual([]);
});
