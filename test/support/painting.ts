import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A task that makes outputs as it is told by files: it waits while there is `hold-STEP`, fails for now while there is `fail-STEP`, and for
 * good while there is `refuse-STEP`. What it makes lies in `painted`, and of its bytes another step may read.
 */
const PAINT = `
import { open, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KnownError } from 'SRC/domain/errors.ts';
import { offeredBytes } from 'SRC/engine/bytes.ts';
const folder = 'FOLDER';
const painted = join(folder, 'painted');
const isThere = (name) => stat(join(folder, name)).then(() => true, () => false);
export const shape = {
  name: 'paint', label: 'Paint', lane: 'media', makesOutputs: true, reports: 'seconds', takes: { file: 'proved' }, makes: ['picture'],
};
export const makeTask = () => ({
  serviceFor: () => 'easel',
  async run({ recording: { id }, step, fence, take, make, saveCheckpoint, encodes, signal }) {
    await take('file');
    const path = join(painted, id + ' ' + step.id + ' ' + fence);
    await saveCheckpoint({ path });
    await writeFile(path, 'a picture');
    while (await isThere('hold-' + step.id)) {
      signal.throwIfAborted();
      encodes(3, 12);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (await isThere('away-' + step.id)) throw new KnownError('the easel is away', { code: 'SERVICE_DOWN', retry: { waitMs: 20 } });
    if (await isThere('fail-' + step.id)) throw new Error('the brush fell');
    if (await isThere('refuse-' + step.id)) throw new KnownError('nothing to paint', { code: 'STREAM_MISSING' });
    const bytes = offeredBytes(await open(path, 'r'), { path, contentId: path, mediaType: 'text/plain', extension: 'txt' }, 9);
    make('picture', bytes);
    return { outputs: [path] };
  },
  async reopen({ fact }) {
    const [path] = fact.outputs;
    return offeredBytes(await open(path, 'r'), { path, contentId: path, mediaType: 'text/plain', extension: 'txt' }, 9);
  },
  async withdraw({ recording: { id }, step }) {
    for (const name of await readdir(painted)) {
      if (name.startsWith(id + ' ' + step.id + ' ')) await rm(join(painted, name), { force: true });
    }
  },
});
`;

/** Steps that paint, the folder from which they are told, and what they have painted. */
export async function openPainting(recipes: string) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-paint-'));
  const tasks = join(folder, 'tasks');
  for (const path of [tasks, join(folder, 'painted')]) await mkdir(path);
  const src = join(process.cwd(), 'src');
  await writeFile(join(tasks, 'paint.mjs'), PAINT.replaceAll('SRC', src).replaceAll('FOLDER', folder));
  await writeFile(join(folder, 'recipes.yaml'), recipes);
  return {
    settings: { TASKS_DIR: tasks, RECIPES_FILE: join(folder, 'recipes.yaml') },
    /** Has steps do so from now on. */
    tell: (...names: readonly string[]) =>
      Promise.all(names.map((name) => writeFile(join(folder, name), ''))),
    untell: (...names: readonly string[]) =>
      Promise.all(names.map((name) => rm(join(folder, name), { force: true }))),
    /** The steps of a recording whose pictures there are. */
    async painted(id: string): Promise<string[]> {
      const names = await readdir(join(folder, 'painted'));
      return names.flatMap((name) => (name.startsWith(`${id} `) ? [name.split(' ')[1] ?? ''] : [])).sort();
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
