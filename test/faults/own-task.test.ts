import { access, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cliOf, runSluice } from '../support/cli.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { buildCrashCopy, startCrashWorker } from '../support/faults-worker.ts';
import { type House, openHouse } from '../support/house.ts';

/** A task as an operator may write one: it says what it is about to make, makes it, and takes it back. */
const MEASURE = `
import { access, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
const folder = process.env.MEASURES;
const isThere = (name) => access(join(folder, name)).then(() => true, () => false);
export const shape = { name: 'measure', label: 'Measure', lane: 'upload', takes: { file: 'proved' } };
export const makeTask = () => ({
  async run({ recording: { id }, take, checkpoint, saveCheckpoint, checkLease, signal }) {
    const { totalBytes } = await take('file');
    if (checkpoint === undefined) {
      await saveCheckpoint({ name: id });
      await checkLease();
      await writeFile(join(folder, id), String(totalBytes));
    }
    while (!(await isThere('go on'))) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return { totalBytes, wasBegun: checkpoint?.name === id };
  },
  async withdraw({ checkpoint }) {
    if (checkpoint !== undefined) await rm(join(folder, checkpoint.name), { force: true });
  },
});
`;

const RECIPES = `
default: measured
recipes:
  - name: measured
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: length, task: measure, takes: { file: fetch.file } }
      - { id: look, task: probe, takes: { file: fetch.file } }
      - { id: tidy, task: cleanup, after: [archive, length, look] }
`;

let folder: string;
let measures: string;
let settings: Record<string, string>;
let house: House;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-own-task-'));
  measures = await mkdtemp(join(tmpdir(), 'sluice-measures-'));
  await writeFile(join(folder, 'measure.mjs'), MEASURE);
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
  settings = { TASKS_DIR: folder, RECIPES_FILE: join(folder, 'recipes.yaml'), MEASURES: measures };
  await buildCrashCopy();
  house = await openHouse({ ...QUICK_SETTINGS, ...settings });
});
afterEach(async () => {
  await house.close();
  for (const path of [folder, measures]) await rm(path, { recursive: true, force: true });
});

async function text(path: string): Promise<string> {
  return await (await fetch(`${house.config.pipeline.url}${path}`)).text();
}

async function begun(id: string): Promise<void> {
  await expect.poll(() => readdir(measures), { timeout: 20_000 }).toContain(id);
}

it('a task from a file of the operator survives a kill -9, is listed everywhere, and is withdrawn', async () => {
  const doomed = startCrashWorker(house, { settings });
  const { id } = await house.addCustom('Measured', { bytes: 500_000 });
  await begun(id);
  await doomed.kill();

  const heir = startCrashWorker(house, { settings });
  try {
    await writeFile(join(measures, 'go on'), '');
    await house.reaches(id, 'done');
    const { facts } = await house.recordings.progress(id);
    expect(facts['length']).toEqual({ totalBytes: 500_000, wasBegun: true });
    expect(facts['look']).toMatchObject({ container: expect.any(String) });
    expect(await house.b2.files()).toHaveLength(1);

    const { stdout } = await runSluice(['recipes', 'tasks'], cliOf(house));
    expect(stdout).toMatch(/^measure\s.*Measure/m);
    expect(await text('/api/tasks')).toContain('"name":"measure"');
    await expect
      .poll(async () => (await text('/metrics')).split('\n'), { timeout: 20_000 })
      .toContain('sluice_stage_duration_seconds_count{stage="length"} 1');
    const shown = JSON.parse(await text(`/api/recordings/${id}`));
    expect(shown.stages.length).toEqual({ started_at: expect.any(String), done_at: expect.any(String) });
    expect(shown.events).toContainEqual(
      expect.objectContaining({ type: 'stage.done', data: { stage: 'length' } }),
    );

    await rm(join(measures, 'go on'));
    const unwanted = await house.addCustom('Unwanted');
    await begun(unwanted.id);
    await house.post(`/api/recordings/${unwanted.id}/cancel`, {});
    await house.reaches(unwanted.id, 'cancelled');
    await expect(access(join(measures, unwanted.id))).rejects.toThrow('ENOENT');
    expect(await house.b2.files()).toHaveLength(1);
    expect(await house.staged()).toEqual([]);
  } finally {
    await heir.kill();
  }
});
