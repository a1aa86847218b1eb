import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type House, openHouse } from '../support/house.ts';

/** A task as an operator may write one: it leaves a file with the length of what it has read. */
const MEASURE = `
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
const folder = process.env.MEASURES;
export const shape = { name: 'measure', label: 'Measure', lane: 'upload', takes: { file: 'proved' } };
export function makeTask() {
  return {
    async run(context) {
      const bytes = await context.take('file');
      let length = 0;
      for await (const chunk of bytes.read(0, bytes.totalBytes)) length += chunk.length;
      await context.checkLease();
      await writeFile(join(folder, context.recording.id), String(length));
      return { length };
    },
    async withdraw({ recording }) {
      await rm(join(folder, recording.id), { force: true });
    },
  };
}
`;

const RECIPES = `
recipes:
  - name: archive-only
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: cleanup, task: cleanup, after: archive }
`;

const MEASURED = `
default: measured
recipes:
  - name: measured
    steps:
      - { id: tidy, task: cleanup, after: [archive, length] }
      - { id: length, task: measure, takes: { file: fetch.file } }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: fetch, task: fetch }
`;

let folder: string;
let measures: string;
let house: House | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-recipes-'));
  measures = await mkdtemp(join(tmpdir(), 'sluice-measures-'));
  process.env['MEASURES'] = measures;
});
afterEach(async () => {
  await house?.close();
  house = undefined;
  await rm(folder, { recursive: true, force: true });
  await rm(measures, { recursive: true, force: true });
});

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

async function open(recipes: string, tasks?: string): Promise<House> {
  house = await openHouse({
    RECIPES_FILE: await write('recipes.yaml', recipes),
    TASKS_DIR: tasks === undefined ? undefined : folder,
  });
  return house;
}

const doneSteps = async (of: House, id: string) =>
  (await of.history(id)).filter((type) => type.startsWith('stage.done')).map((type) => type.split(' ')[1]);

describe('a recipe', () => {
  it('is the way of what it was chosen for, and of nothing else', async () => {
    const of = await open(RECIPES);
    await of.startWorker();
    const chosen = await of.addCustom('Chosen', { recipe: 'archive-only' });
    const usual = await of.addCustom('Usual');
    await of.reaches(chosen.id, 'done');
    await of.reaches(usual.id, 'done');

    expect(await doneSteps(of, chosen.id)).toEqual(['fetch', 'archive', 'cleanup']);
    expect((await doneSteps(of, usual.id)).toSorted()).toEqual([
      'archive',
      'cleanup',
      'fetch',
      'notify',
      'publish',
    ]);
    expect(of.bunny.videos()).toHaveLength(1);
    expect(await of.b2.files()).toHaveLength(2);
  });

  it('that does not exist is refused, with those that do', async () => {
    const of = await open(RECIPES);
    const path = (await of.addCustom('There')).path;
    const answer = await of.post('/custom-upload', { path, title: 'A', ace_id: 'a', recipe: 'archiv-only' });

    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: 'RECIPE_UNKNOWN',
      detail: expect.stringMatching(/there are bring-home, .*archive-only$/),
    });
    expect(await of.recordings.newest(10)).toHaveLength(1);
  });

  it('is listed with its steps, and says which is the default', async () => {
    const of = await open(`default: archive-only\n${RECIPES}`);
    const answer = await (await fetch(`${of.config.pipeline.url}/api/recipes`)).json();

    expect(answer).toMatchObject({
      recipes: [
        { name: 'bring-home', is_default: false },
        { name: 'own-player' },
        { name: 'bring-companion' },
        { name: 'bring-transcript' },
        { name: 'probe' },
        { name: 'register' },
        {
          name: 'archive-only',
          version: 1,
          is_default: true,
          steps: [
            { id: 'fetch', task: 'fetch', lane: 'upload', takes: {}, after: [] },
            { id: 'archive', takes: { file: 'fetch.file' } },
            { id: 'cleanup', after: ['archive'] },
          ],
        },
      ],
    });
  });

  it('that is changed or gone afterwards changes nothing for what was accepted under it', async () => {
    const of = await open(`default: archive-only\n${RECIPES}`);
    const { id } = await of.addCustom('Before');
    await write('recipes.yaml', 'recipes: []');
    await of.startWorker();
    await of.reaches(id, 'done');

    expect(await doneSteps(of, id)).toEqual(['fetch', 'archive', 'cleanup']);
  });
});

describe('a task from a file of the operator', () => {
  it('runs as a step, in the order in which the steps need each other, and is listed', async () => {
    await write('measure.mjs', MEASURE);
    const of = await open(MEASURED, 'measure');
    await of.startWorker();
    const { id } = await of.addCustom('Long', { bytes: 3_000_000 });
    await of.reaches(id, 'done');

    const steps = await doneSteps(of, id);
    expect(steps[0]).toBe('fetch');
    expect(steps.at(-1)).toBe('tidy');
    expect(steps.toSorted()).toEqual(['archive', 'fetch', 'length', 'tidy']);
    expect((await of.recordings.progress(id)).facts['length']).toEqual({ length: 3_000_000 });
    const { tasks } = (await (await fetch(`${of.config.pipeline.url}/api/tasks`)).json()) as {
      tasks: { name: string }[];
    };
    expect(tasks.find(({ name }) => name === 'measure')).toEqual({
      name: 'measure',
      label: 'Measure',
      lane: 'upload',
      takes: { file: 'proved' },
      makes: [],
      params: {},
      reports: null,
      is_final: false,
    });
    const shown = (await (await fetch(`${of.config.pipeline.url}/api/recordings/${id}`)).json()) as {
      steps: { id: string; label: string; done: boolean }[];
      events: { words: string }[];
    };
    expect(shown.steps).toContainEqual(
      expect.objectContaining({ id: 'length', label: 'Measure', done: true }),
    );
    expect(shown.events.map(({ words }) => words)).toContain('Measure is done');
    const metrics = await (await fetch(`${of.config.pipeline.url}/metrics`)).text();
    expect(metrics).toMatch(/^sluice_stage_duration_seconds_count\{stage="length"\} /m);
  });

  it('is withdrawn with all that stands before it', async () => {
    await write('measure.mjs', MEASURE);
    const of = await open(MEASURED, 'measure');
    of.b2.fail({
      on: 'POST /b2api/*/b2_upload_file/*',
      status: 400,
      count: 1000,
      body: '{"code":"bad_request"}',
    });
    await of.startWorker();
    const { id } = await of.addCustom('Unwanted');
    await expect.poll(() => readdir(measures), { timeout: 10_000 }).toEqual([id]);
    await of.post(`/api/recordings/${id}/cancel`, {});
    await of.reaches(id, 'cancelled');

    expect(await readdir(measures)).toEqual([]);
    expect(await of.staged()).toEqual([]);
  });
});

describe('Sluice does not start', () => {
  it.each([
    [
      'with a task that is not there, naming file, line, step and what there is',
      RECIPES.replace('task: archive,', 'task: archvie,'),
      /recipes\.yaml is not right:\n {2}line 6: recipes\.0\.steps\.1\.task: \(recipe "archive-only", step "archive"\) there is no task "archvie": there are "archive", "captions", .*"publish"/,
    ],
    [
      'with bytes that nobody makes',
      RECIPES.replace('fetch.file', 'cleanup.file'),
      /line 6: .*nobody makes "cleanup\.file": the step "cleanup" makes no bytes/,
    ],
    [
      'with a field that is not known',
      RECIPES.replace('after:', 'afterwards:'),
      /line 7: .*afterwards: is not known here/,
    ],
    ['with a name of ours', RECIPES.replace('archive-only', 'bring-home'), /line 3: .*is a recipe of Sluice/],
    [
      'with a default that is none',
      `default: nope\n${RECIPES}`,
      /line 1: default: there is no recipe "nope"/,
    ],
  ])('%s', async (_name, text, message) => {
    await expect(open(text)).rejects.toThrow(message);
  });

  it('with a file that is no task', async () => {
    await write('measure.mjs', 'export const shape = { name: "other" };');
    await expect(open(RECIPES, 'measure')).rejects.toThrow(/measure\.mjs: it exports no function "makeTask"/);
  });
});
