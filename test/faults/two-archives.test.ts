import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  arrive,
  clearFaults,
  expectHome,
  QUICK_SETTINGS,
  type Source,
  sendMeeting,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { buildCrashCopy, type CrashAt, expectDeath, startCrashWorker } from '../support/faults-worker.ts';
import { digestOf, type House, openHouse } from '../support/house.ts';
import { TO_TWO_STORES } from '../support/recipes.ts';
import { oneOfEach } from '../support/whole-tables.ts';

/** Where the worker dies, of a recording of which size; of passages of both archives, whichever comes first. */
const CRASHES: readonly (readonly [CrashAt, 'small' | 'large'])[] = [
  ['archive:after-upload:2', 'small'],
  ['archive:after-start:2', 'large'],
  ['archive:after-part:5', 'large'],
  ['archive:after-finish:2', 'large'],
];

let base: string;
let archive: string;
let house: House;
let sources: Record<'small' | 'large', Source>;

beforeAll(async () => {
  await buildCrashCopy();
  base = await mkdtemp(join(tmpdir(), 'sluice-two-archives-'));
  archive = join(base, 'archive');
  await writeFile(join(base, 'recipes.yaml'), TO_TWO_STORES);
  house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED, ...more() });
  sources = {
    small: await writeSource(house, 'small'),
    large: await writeSource(house, 'large', 11_000_000),
  };
});
afterAll(async () => {
  await house?.close();
  await rm(base, { recursive: true, force: true });
});

const more = () => ({ RECIPES_FILE: join(base, 'recipes.yaml'), FOLDER_STORE: archive });

/** The files of a recording in the folder. */
async function filesOf(id: string): Promise<string[]> {
  const names = await readdir(archive, { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith(`${id.replace('rec_', '')}.mp4`));
}

const unfinished = () => readdir(join(archive, '.sluice/unfinished')).catch(() => []);

describe('a recording that goes to B2 and to a folder, and whose worker is killed', () => {
  it.each(oneOfEach(CRASHES, ([, size]) => size))('%s is in both once (%s)', async (crashAt, size) => {
    const marker = join(base, `${crashAt}.died`);
    const doomed = startCrashWorker(house, { crashAt, marker, settings: more() });
    const sent = await sendMeeting(house, crashAt, sources[size]);
    await expectDeath(doomed, { crashAt, marker });

    const heir = startCrashWorker(house, { settings: more() });
    try {
      await arrive(house, sent);
      await expectHome(house, sent);
      const [file, ...doubles] = await filesOf(sent.id);
      expect(doubles).toEqual([]);
      expect(await digestOf(join(archive, file ?? ''), 'sha1')).toBe(sent.sha1);
      await expect.poll(unfinished, { timeout: 10_000 }).toEqual([]);
    } finally {
      await Promise.all([doomed.kill(), heir.kill()]);
    }
  });

  it('while it is taken back leaves nothing in either', async () => {
    for (const call of ['b2_upload_file/*', 'b2_upload_part/*']) {
      house.b2.fail({
        on: `POST /b2api/*/${call}`,
        status: 400,
        count: 10_000,
        body: '{"code":"bad_request"}',
      });
    }
    const marker = join(base, 'withdraw.died');
    const crashAt = 'withdraw:after-stage';
    const doomed = startCrashWorker(house, { crashAt, marker, settings: more() });
    const sent = await sendMeeting(house, 'withdrawn', sources.small);
    await expect.poll(() => filesOf(sent.id), { timeout: 20_000 }).toHaveLength(1);
    await house.post(`/api/recordings/${sent.id}/cancel`, {});
    await expectDeath(doomed, { crashAt, marker });

    const heir = startCrashWorker(house, { settings: more() });
    try {
      await house.reaches(sent.id, 'cancelled');
      expect(await filesOf(sent.id)).toEqual([]);
      expect(await unfinished()).toEqual([]);
      expect(house.b2.unfinished()).toEqual([]);
    } finally {
      clearFaults(house);
      await Promise.all([doomed.kill(), heir.kill()]);
    }
  });
});
