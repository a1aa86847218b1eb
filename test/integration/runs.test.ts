import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type House, openHouse } from '../support/house.ts';

/** A task of another lane, that goes on once a file says so. */
const LOOK = `
import { access } from 'node:fs/promises';
export const shape = { name: 'ponder', label: 'Ponder', lane: 'media', takes: { file: 'proved' } };
export const makeTask = () => ({
  async run({ take, signal }) {
    const { totalBytes } = await take('file');
    for (;;) {
      signal.throwIfAborted();
      if (await access(process.env.PONDERED).then(() => true, () => false)) return { totalBytes };
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
});
`;

const RECIPES = `
recipes:
  - name: ponder
    steps:
      - { id: fetch, task: fetch }
      - { id: think, task: ponder, takes: { file: fetch.file } }
      - { id: cleanup, task: cleanup, after: think }
`;

let folder: string;
let house: House;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-runs-'));
  process.env['PONDERED'] = join(folder, 'pondered');
  await writeFile(join(folder, 'ponder.mjs'), LOOK);
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
  house = await openHouse({ RECIPES_FILE: join(folder, 'recipes.yaml'), TASKS_DIR: folder });
  await house.startWorker();
});
afterEach(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

const goOn = () => writeFile(join(folder, 'pondered'), '');

async function run(body: object) {
  const response = await house.post('/api/runs', body);
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return { status: response.status, body: (await response.json()) as any };
}

async function atHome(title: string): Promise<string> {
  const { id } = await house.addCustom(title, { bytes: 100_000 });
  await house.reaches(id, 'done');
  return id;
}

describe('a lane', () => {
  it('that is busy holds up nothing of another one', async () => {
    const { id: slow } = await house.addCustom('Slow', { recipe: 'ponder' });
    await expect.poll(() => house.history(slow), { timeout: 10_000 }).toContain('stage.started think');

    await atHome('Quick');

    expect((await house.recordings.get(slow))?.state).toBe('moving');
    await goOn();
    await house.reaches(slow, 'done');
    const history = await house.history(slow);
    expect(history.filter((type) => type === 'lane.changed')).toHaveLength(2);
    expect(history.filter((type) => type.startsWith('attempt.failed'))).toEqual([]);
    expect(await house.staged()).toEqual([]);
  });

  it('moves as many at once as it has slots, and the others after them', async () => {
    const ids: string[] = [];
    for (const title of ['A', 'B']) ids.push((await house.addCustom(title, { recipe: 'ponder' })).id);
    const [a = '', b = ''] = ids;
    await expect.poll(() => house.history(a), { timeout: 10_000 }).toContain('stage.started think');
    await expect.poll(() => house.history(b), { timeout: 10_000 }).toContain('lane.changed');

    expect(await house.history(b)).not.toContain('stage.started think');
    await goOn();
    for (const id of ids) await house.reaches(id, 'done');
  });

  it('lets go of what an operator cancels there', async () => {
    const { id } = await house.addCustom('Unwanted', { recipe: 'ponder' });
    await expect.poll(() => house.history(id), { timeout: 10_000 }).toContain('stage.started think');

    await house.post(`/api/recordings/${id}/cancel`, {});
    await house.reaches(id, 'cancelled');

    expect(await house.staged()).toEqual([]);
  });
});

describe('a further run', () => {
  it('begins from the archived file, and changes nothing of the first', async () => {
    const first = await atHome('Algebra');
    const before = await house.recordings.get(first);
    const { status, body } = await run({ recording_id: first, recipe: 'ponder' });
    expect({ status, body }).toEqual({
      status: 202,
      body: { id: expect.stringMatching(/^rec_/), state: 'waiting', duplicate: false },
    });
    await goOn();
    await house.reaches(body.id, 'done');

    expect((await house.recordings.progress(body.id)).facts['think']).toEqual({ totalBytes: before?.bytes });
    expect(await house.recordings.get(first)).toEqual(before);
    expect(await house.b2.files()).toHaveLength(1);
    expect(house.bunny.videos()).toHaveLength(1);
    const { runs } = (await (
      await fetch(`${house.config.pipeline.url}/api/runs?recording_id=${first}`)
    ).json()) as {
      runs: object[];
    };
    expect(runs).toMatchObject([{ id: body.id, run_of: first, state: 'done', title: 'Algebra (ponder)' }]);
  });

  it('asked for twice with one reference is one run', async () => {
    const first = await atHome('Twice');
    const asked = { recording_id: first, recipe: 'ponder', reference: 'r-1' };
    const one = await run(asked);
    const two = await run(asked);

    expect(two.body).toMatchObject({ id: one.body.id, duplicate: true });
    await goOn();
    await house.reaches(one.body.id, 'done');
  });

  it.each([
    ['of nothing', { recording_id: 'rec_nope', recipe: 'ponder' }, 404, 'NOT_FOUND'],
    ['by no recipe', { recipe: 'nope' }, 400, 'RECIPE_UNKNOWN'],
    ['with parameters of no step', { recipe: 'ponder', params: { x: { a: 1 } } }, 400, 'REQUEST_INVALID'],
    [
      'with parameters that a task does not take',
      { recipe: 'ponder', params: { think: { a: 1 } } },
      400,
      'REQUEST_INVALID',
    ],
  ])('%s is refused', async (_what, body, status, code) => {
    const first = await atHome('There');

    expect(await run({ recording_id: first, ...body })).toMatchObject({ status, body: { code } });
  });

  it('of what is not archived yet is refused', async () => {
    const { id } = await house.addCustom('Waiting', { not_before: '2999-01-01T00:00:00Z' });

    expect(await run({ recording_id: id, recipe: 'ponder' })).toMatchObject({
      status: 409,
      body: { code: 'WRONG_STATE' },
    });
  });
});
