import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf, type House, openHouse } from '../support/house.ts';
import { TO_TWO_STORES } from '../support/recipes.ts';
import { canMakeDisks, mountSmallDisk } from '../support/small-disk.ts';

const RECIPES = `
${TO_TWO_STORES}  - name: folder-only
    steps:
      - { id: fetch, task: fetch }
      - { id: keep, task: archive, params: { store: folder }, takes: { file: fetch.file } }
      - { id: cleanup, task: cleanup, after: [keep] }
`;

/** So large that it goes in parts. */
const LARGE = 11_000_000;

let base: string;
let archive: string;
let house: House | undefined;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'sluice-two-stores-'));
  archive = join(base, 'archive');
});
afterEach(async () => {
  await house?.close();
  house = undefined;
  await rm(base, { recursive: true, force: true });
});

async function open(settings: Record<string, string> = {}): Promise<House> {
  const recipes = join(base, 'recipes.yaml');
  await writeFile(recipes, RECIPES);
  house = await openHouse({
    RECIPES_FILE: recipes,
    FOLDER_STORE: archive,
    ARCHIVE_PART_BYTES: '5000000',
    LATE_LOOK_FIRST_S: '0.1',
    ...settings,
  });
  return house;
}

/** What people see in the folder. */
async function shown(): Promise<string[]> {
  const found = await readdir(archive, { recursive: true, withFileTypes: true });
  return found
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(archive.length + 1))
    .filter((name) => !name.startsWith('.sluice/'))
    .sort();
}

const unfinished = () => readdir(join(archive, '.sluice/unfinished'));

/** Ends every request to B2 for parts or whole files in failure. */
function refuseB2(of: House, status = 400): void {
  for (const call of ['b2_upload_file/*', 'b2_upload_part/*']) {
    of.b2.fail({ on: `POST /b2api/*/${call}`, status, count: 10_000, body: '{"code":"bad_request"}' });
  }
}

describe('a recording that goes to B2 and to a folder', () => {
  it.each([
    ['small', 0],
    ['large', LARGE],
  ])('is in both, byte for byte, and everybody is told where (%s)', async (_size, bytes) => {
    const of = await open();
    await of.startWorker();
    const path = join(of.files, 'class.mp4');
    const { id } = await of.addCustom('class', { bytes, keep_file: true });
    const sha1 = await digestOf(path, 'sha1');
    await of.reaches(id, 'done');
    await of.announced(id);

    const [name] = await shown();
    expect(await digestOf(join(archive, name ?? ''), 'sha1')).toBe(sha1);
    expect(await of.b2.files()).toMatchObject([{ fileName: name, wholeSha1: sha1 }]);
    expect(await unfinished()).toEqual([]);
    expect(await of.staged()).toEqual([]);

    const { facts } = await of.recordings.progress(id);
    expect(facts.archive).not.toHaveProperty('store');
    expect(facts['archive-folder']).toMatchObject({ store: 'folder', bucket: archive, fileName: name });
    const [told] = of.heard('recording.published');
    expect(told?.body).toMatchObject({
      data: { b2: { file_name: name }, archives: [{ store: 'folder', path: name }] },
    });
    const view = await (await fetch(`${of.config.pipeline.url}/api/recordings/${id}`)).json();
    expect(view).toMatchObject({
      archive: { file_name: name },
      archives: [{ store: 'folder', path: `${archive}/${name}` }],
    });
  });

  it('that is cancelled is taken back from both', async () => {
    const of = await open();
    refuseB2(of);
    await of.startWorker();
    const { id } = await of.addCustom('unwanted');
    await expect.poll(shown, { timeout: 10_000 }).toHaveLength(1);
    await of.post(`/api/recordings/${id}/cancel`, {});
    await of.reaches(id, 'cancelled');

    expect(await shown()).toEqual([]);
    expect(await readdir(archive)).toEqual(['.sluice']);
    expect(await unfinished()).toEqual([]);
    expect(await of.b2.files()).toEqual([]);
  });

  it('is found in both by a ledger that knows nothing of it, and doubled in neither', async () => {
    const of = await open();
    const worker = await of.startWorker();
    const { id, path } = await of.addCustom('again', { bytes: LARGE, keep_file: true });
    await of.reaches(id, 'done');
    await worker.stop();
    const before = await shown();

    const heir = await openHouse({
      RECIPES_FILE: join(base, 'recipes.yaml'),
      FOLDER_STORE: archive,
      B2_API_URL: of.b2.url,
      ARCHIVE_PART_BYTES: '5000000',
    });
    try {
      await heir.startWorker();
      const again = await heir.addCustom('again', { path, keep_file: true });
      expect(again.id).toBe(id);
      await heir.reaches(id, 'done');

      expect(await shown()).toEqual(before);
      expect(await of.b2.files()).toHaveLength(1);
      expect((await heir.recordings.progress(id)).facts['archive-folder']).toEqual(
        (await of.recordings.progress(id)).facts['archive-folder'],
      );
    } finally {
      await heir.close();
    }
  });

  it('that is deleted once it was home goes from both', async () => {
    const of = await open();
    await of.startWorker();
    const { id } = await of.addCustom('deleted');
    await of.reaches(id, 'done');
    expect((await of.post(`/api/recordings/${id}/delete`, {})).status).toBe(200);
    await of.reaches(id, 'deleted');

    expect(await shown()).toEqual([]);
    expect(await of.b2.files()).toEqual([]);
  });
});

describe.runIf(canMakeDisks)('a folder that is taken away', () => {
  it('holds up only what goes there, costs no attempt, and goes on once it is back', async () => {
    const of = await open({ RETRY_ATTEMPTS: '2' });
    const { mkdir } = await import('node:fs/promises');
    await mkdir(archive);
    const disk = await mountSmallDisk(archive, { bytes: 4 * 1024 * 1024 });
    try {
      const worker = await of.startWorker();
      const first = await of.addCustom('first');
      await of.reaches(first.id, 'done');
      await disk.setReadOnly(true);

      const second = await of.addCustom('second');
      await expect.poll(async () => (await of.b2.files()).length, { timeout: 20_000 }).toBe(2);
      await expect
        .poll(async () => (await of.recordings.get(second.id))?.lastError?.code, { timeout: 20_000 })
        .toBe('SERVICE_DOWN');
      expect(await of.recordings.get(second.id)).toMatchObject({ failedAttempts: 0 });
      const status = await (await fetch(`${of.config.pipeline.url}/api/status`)).json();
      expect(Object(status).services).toContainEqual(
        expect.objectContaining({
          service: 'folder',
          last_error: expect.objectContaining({ code: 'FOLDER_UNUSABLE' }),
        }),
      );

      await disk.setReadOnly(false);
      await of.reaches(second.id, 'done');
      expect(await shown()).toHaveLength(2);
      await worker.stop();
    } finally {
      await disk.unmount();
    }
  });
});

describe('a recording that goes to a folder alone', () => {
  it('needs no B2', async () => {
    const of = await open();
    refuseB2(of, 503);
    await of.startWorker();
    const { id } = await of.addCustom('alone', { recipe: 'folder-only' });
    await of.reaches(id, 'done');

    expect(await shown()).toHaveLength(1);
    expect(await of.b2.files()).toEqual([]);
    const view = await (await fetch(`${of.config.pipeline.url}/api/recordings/${id}`)).json();
    expect(view).toMatchObject({ archive: null, archives: [{ store: 'folder' }] });
  });
});

describe('a store in a recipe', () => {
  it('that is not set up is refused at the start, with its line and those that are', async () => {
    const recipes = join(base, 'recipes.yaml');
    await writeFile(recipes, RECIPES);

    await expect(openHouse({ RECIPES_FILE: recipes })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(
        /line 8.*step "archive-folder".*no store "folder" set up: there are "b2"/,
      ),
    });
    expect(await readFile(recipes, 'utf8')).toBe(RECIPES);
  });
});
