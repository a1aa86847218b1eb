import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type FaultyFolder,
  FOLDER_FAULTS,
  FOLDER_SERVICES,
  type FolderFaultKind,
  openFaultyFolder,
} from '../support/faults-folders.ts';
import {
  arrive,
  attemptEnds,
  clearFaults,
  emptyRemotes,
  expectHome,
  QUICK_SETTINGS,
  type Source,
  sendMeeting,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { digestOf, type House, openHouse } from '../support/house.ts';
import { TO_ALL_PLACES } from '../support/recipes.ts';
import { canMakeDisks } from '../support/small-disk.ts';
import { isWhole } from '../support/whole-tables.ts';

const DISK_BYTES = 40_000_000;

/** So large that it is archived in parts. */
const LARGE_BYTES = 11_000_000;

type Moment = 'before a recording comes' | 'while a recording is written there';

/** In part, what comes midway comes over one of the folders, of one kind over this one, of the next over that. */
const CASES = FOLDER_SERVICES.flatMap((service, at) =>
  FOLDER_FAULTS.filter(({ needsDisk }) => canMakeDisks || !needsDisk).flatMap((kind, nth) => [
    [service, kind.name, 'before a recording comes', kind] as const,
    ...(kind.comesMidway && (isWhole || nth % FOLDER_SERVICES.length === at)
      ? [[service, kind.name, 'while a recording is written there', kind] as const]
      : []),
  ]),
);

describe('a folder in which a file system has its troubles', () => {
  let base: string;
  let folders: Record<(typeof FOLDER_SERVICES)[number], FaultyFolder>;
  let house: House;
  let source: Source;

  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'sluice-folder-faults-'));
    const options = { bytes: DISK_BYTES, canMount: canMakeDisks };
    folders = {
      folder: await openFaultyFolder('folder', base, options),
      'folder-publisher': await openFaultyFolder('folder-publisher', base, options),
    };
    await writeFile(join(base, 'recipes.yaml'), TO_ALL_PLACES);
    house = await openHouse({
      ...QUICK_SETTINGS,
      ...UNWATCHED,
      RECIPES_FILE: join(base, 'recipes.yaml'),
      FOLDER_STORE: folders.folder.path,
      FOLDER_PUBLISHER: folders['folder-publisher'].path,
      FOLDER_PUBLISHER_URL: 'https://videos.example',
    });
    source = await writeSource(house, 'large', LARGE_BYTES);
    await house.startWorker();
    // The first one makes a folder known, which is told from another one by that.
    await arrive(house, await sendMeeting(house, 'first', source));
    await empty();
  });
  afterAll(async () => {
    await house.close();
    for (const folder of Object.values(folders)) await folder.close();
    await rm(base, { recursive: true });
  });

  async function empty(): Promise<void> {
    await emptyRemotes(house);
    for (const folder of Object.values(folders)) await folder.empty();
  }

  it.each(CASES)(
    '%s: that %s %s holds it until it is well again, and no longer',
    async (service, name, moment, kind) => {
      const folder = folders[service];
      const id = await holdUp(folder, `${service} ${name} ${moment}`, moment, kind);

      await kind.mend(folder);
      // A folder without room is looked at again in half a minute, which nobody has to wait for.
      expect((await house.post(`/api/recordings/${id}/retry`, {})).status).toBeLessThan(500);
      await arrive(house, { id });
      await expectHome(house, { ...source, id, title: '' });
      for (const each of Object.values(folders)) {
        const whole = await each.whole();
        expect(whole.map((path) => path.startsWith(each.path))).toEqual([true]);
        expect(await digestOf(whole[0] ?? '', 'sha1')).toBe(source.sha1);
        expect(await each.begunBytes()).toBe(0);
      }
      await empty();
    },
  );

  /** @returns the id of a recording whose attempt has ended for the folder's sake */
  async function holdUp(
    folder: FaultyFolder,
    title: string,
    moment: Moment,
    kind: FolderFaultKind,
  ): Promise<string> {
    if (moment === 'before a recording comes') await kind.strike(folder);
    else house.zoom.cdn.fail({ on: 'GET /cmr/*', bytesPerSecond: 2_500_000 });
    try {
      const { id } = await sendMeeting(house, title, source);
      if (moment === 'while a recording is written there') {
        await expect
          .poll(() => folder.begunBytes(), { timeout: 20_000, interval: 5 })
          .toBeGreaterThan(100_000);
        await kind.strike(folder);
      }
      await attemptEnds(house, id);
      const recording = await house.recordings.get(id);
      expect(recording).toMatchObject({ failedAttempts: 0, lastError: { code: expect.any(String) } });
      return id;
    } finally {
      clearFaults(house);
    }
  }
});
