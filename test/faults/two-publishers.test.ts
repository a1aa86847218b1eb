import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInBunny, videosIn } from '../../src/domain/published.ts';
import {
  arrive,
  emptyRemotes,
  expectHome,
  QUICK_SETTINGS,
  type Sent,
  type Source,
  sendMeeting,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { createPool, type Pool } from '../support/faults-pool.ts';
import { buildCrashCopy, type CrashAt, startCrashWorker } from '../support/faults-worker.ts';
import { digestOf, type House, openHouse } from '../support/house.ts';
import { TO_TWO_PUBLISHERS } from '../support/recipes.ts';

const URL_OF_FOLDER = 'https://videos.example';

/** Of the passages of two publishers through one point either may be the first: each is to be one that a worker dies at. */
const CRASHES: readonly CrashAt[] = [
  'publish:after-create:2',
  'publish:after-begin:2',
  'publish:after-patch:12',
  'after-fact:show',
  'notify:after-outbox',
];

interface Furnished {
  readonly house: House;
  /** The folder of published videos. */
  readonly published: string;
  readonly source: Source;
  readonly settings: Record<string, string>;
  close(): Promise<void>;
}

async function furnish(): Promise<Furnished> {
  const home = await mkdtemp(join(tmpdir(), 'sluice-two-'));
  const published = join(home, 'published');
  await mkdir(published);
  await writeFile(join(home, 'recipes.yaml'), TO_TWO_PUBLISHERS);
  const settings = {
    RECIPES_FILE: join(home, 'recipes.yaml'),
    FOLDER_PUBLISHER: published,
    FOLDER_PUBLISHER_URL: URL_OF_FOLDER,
  };
  const house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED, ...settings });
  const source = await writeSource(house, 'large', 6_000_000);
  const close = async () => {
    await house.close();
    await rm(home, { recursive: true });
  };
  return { house, published, settings, source, close };
}

/** One file in the folder, byte for byte, which is the one that the ledger names, and nothing that was begun. */
async function expectShown({ house, published }: Furnished, { id, sha256 }: Sent): Promise<void> {
  const shown = (await readdir(published, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== 'store.json')
    .map((entry) => join(entry.parentPath, entry.name));
  const { facts } = await house.recordings.progress(id);
  const video = videosIn(facts).find((each) => !isInBunny(each));
  const address = video === undefined || isInBunny(video) ? '' : video.playUrl;
  expect(shown).toEqual([address.replace(URL_OF_FOLDER, published)]);
  expect(await digestOf(shown[0] ?? '', 'sha256')).toBe(sha256);
}

async function emptyFolder({ published }: Furnished): Promise<void> {
  for (const name of await readdir(published)) {
    if (name !== '.sluice') await rm(join(published, name), { recursive: true });
  }
}

describe('a recording with two publishers whose worker is killed', () => {
  let pool: Pool<Furnished>;

  beforeAll(async () => {
    await buildCrashCopy();
    pool = await createPool(2, furnish);
  });
  afterAll(() => Promise.all(pool.all.map(({ close }) => close())));

  it.concurrent.each(CRASHES)('%s comes home once to both', async (crashAt) => {
    await pool.lend(async (furnished) => {
      const { house, settings, source } = furnished;
      const marker = join(house.files, `${crashAt}.died`);
      const doomed = startCrashWorker(house, { crashAt, marker, settings });
      const sent = await sendMeeting(house, crashAt, source);
      expect(await doomed.ended, doomed.output()).toBe('SIGKILL');

      const heir = startCrashWorker(house, { settings });
      try {
        await arrive(house, sent);
        await expectHome(house, sent);
        await expectShown(furnished, sent);
      } finally {
        await Promise.all([doomed.kill(), heir.kill()]);
        await emptyRemotes(house);
        await emptyFolder(furnished);
      }
    });
  });
});
