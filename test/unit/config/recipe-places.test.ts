import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecipesFile } from '../../../src/recipes/recipes-file.ts';
import { shape as fetch } from '../../../src/tasks/fetch.ts';
import { shape as publish } from '../../../src/tasks/publish.ts';
import { shape as thumbnail } from '../../../src/tasks/thumbnail.ts';

const TASKS = new Map([fetch, publish, thumbnail].map((shape) => [shape.name, shape]));
const PLACES = { publisher: ['bunny', 'folder'], store: ['b2'], 'output-place': ['media-out'] };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-recipes-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Reads a recipe of these steps behind fetch. */
async function read(...steps: string[]) {
  const path = join(folder, 'recipes.yaml');
  const lines = ['{ id: fetch, task: fetch }', ...steps].map((step) => `      - ${step}`);
  await writeFile(path, ['recipes:', '  - name: mine', '    steps:', ...lines, ''].join('\n'));
  return readRecipesFile(path, TASKS, PLACES);
}

const publishing = (id: string, params = '') =>
  `{ id: ${id}, task: publish, takes: { file: fetch.file }${params} }`;

describe('a recipe', () => {
  it('may bring a recording to each publisher that is set up', async () => {
    const { recipes } = await read(publishing('one'), publishing('two', ', params: { publisher: folder }'));
    expect(recipes).toMatchObject([{ name: 'mine' }]);
  });

  it('is refused where it names a publisher that is not, with its line and those that are', async () => {
    await expect(read(publishing('one', ', params: { publisher: vimeo }'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(
        /line 5.*step "one".*no publisher "vimeo" set up: there are "bunny", "folder"/s,
      ),
    });
  });

  it('is refused where two steps go to one publisher, by name or by default', async () => {
    await expect(
      read(publishing('one'), publishing('two', ', params: { publisher: bunny }')),
    ).rejects.toThrow('the step "one" goes to the publisher "bunny" as well');
  });

  it('may bring any number of outputs to one place', async () => {
    const poster = (id: string) => `{ id: ${id}, task: thumbnail, takes: { file: fetch.file } }`;
    const { recipes } = await read(poster('one'), poster('two'));
    expect(recipes).toMatchObject([{ name: 'mine' }]);
  });

  it('is refused where a parameter is none of the task', async () => {
    await expect(read(publishing('one', ', params: { publischer: bunny }'))).rejects.toThrow('publischer');
  });
});
