import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createDice } from '../../scripts/chaos/dice.ts';
import { startCrashWorker } from '../support/faults-worker.ts';
import { makeFilm, picture, QUICK_H264, tone } from '../support/films.ts';
import { openMediaHouseOn } from '../support/media-house.ts';
import { probe } from '../support/package-reader.ts';
import { hasRadosgw } from '../support/radosgw.ts';
import { MOMENTS, startRadosgwBucket } from '../support/radosgw-bucket.ts';
import { isWhole } from '../support/whole-tables.ts';

/** How many packages, and how many copies, the server dies in (`SEEDS=5`: so many); `SEED=7` tries that one alone. */
const { SEED, SEEDS = isWhole ? '10' : '1' } = process.env;
const seeds = SEED === undefined ? Array.from({ length: Number(SEEDS) }, (_, at) => at + 1) : [Number(SEED)];

/** How long one may take, in milliseconds: where nothing else runs, a tenth of that. */
const TIMEOUT_MS = 240_000;

const SOON = { timeout: 120_000, interval: 20 };

/** The pictures of a rendition of the house's film. */
const PICTURES = 200;

/** A copy goes in parts of 16 MiB: begun, three parts, completed. */
const COPY_PARTS = 3;
const COPY_WRITES = COPY_PARTS + 2;

describe.runIf(hasRadosgw)('a real server of S3 that is killed at a write goes on with what it had', () => {
  let media: Awaited<ReturnType<typeof openHouse>>;
  let large: string;
  /** What came of those in whose way nothing stood. */
  let packageWrites: number;
  let sameEachTime: Map<string, string | undefined>;
  let copyEtag: string | undefined;

  const openHouse = () => openMediaHouseOn(startRadosgwBucket);

  beforeAll(async () => {
    media = await openHouse();
    startCrashWorker(media.house, { settings: media.settings });
    large = await makeFilm(media.folder, 'large.mp4', [
      ...[...picture('640x360'), ...tone(32_000, 'mono'), '-t', '4', '-vf', 'noise=alls=100:allf=t'],
      ...[...QUICK_H264, '-qp', '12', '-c:a', 'aac'],
    ]);
    const id = await media.add();
    expect(await media.house.reaches(id, 'done', 'failed')).toBe('done');
    packageWrites = writesOf(id).length;
    sameEachTime = await sameEachTimeOf(id);
    const copy = await media.add({ recipe: 'copied', of: large });
    expect(await media.house.reaches(copy, 'done', 'failed')).toBe('done');
    copyEtag = [...(await etagsOf(copy)).values()][0];
  }, TIMEOUT_MS);
  afterAll(() => media?.close());

  const writesOf = (id: string) =>
    media.s3.requests.filter(
      ({ method, path }) => ['PUT', 'POST'].includes(method) && path.includes(`/${id}/`),
    );

  /** By the last part of the key: what is before it names the recording and the attempt. */
  async function etagsOf(id: string): Promise<Map<string, string | undefined>> {
    const own = (await media.s3.objects()).filter(({ key }) => key.includes(`/${id}/`));
    return new Map(own.map(({ key, etag }) => [key.slice(key.lastIndexOf('/') + 1), etag]));
  }

  /** The film that is copied, and the sound. */
  async function sameEachTimeOf(id: string): Promise<Map<string, string | undefined>> {
    return new Map(
      [...(await etagsOf(id))].filter(([name]) => /^(360p|audio)_\w+\.(m4s|mp4)$/.test(name)).sort(),
    );
  }

  const isOver = async (id: string) =>
    ['done', 'failed'].includes((await media.house.recordings.get(id))?.state ?? '');

  /** Brings a film in, of which the server dies at a write, and starts that again once it is missed. */
  async function bringThroughDeath(
    write: number,
    seed: number,
    what: Parameters<typeof media.add>[0] = {},
  ): Promise<string> {
    onTestFinished(() => media.s3.start());
    const moment = MOMENTS[seed % MOMENTS.length] ?? MOMENTS[0];
    media.s3.dieAt(write, moment);
    const id = await media.add(what);
    await expect.poll(() => media.s3.isUp(), SOON).toBe(false);
    const isMissed = async () =>
      (await media.house.history(id)).includes('attempt.postponed') || (await isOver(id));
    await expect.poll(isMissed, SOON).toBe(true);
    await media.s3.start();
    return id;
  }

  it.each(seeds)('of a package (seed %i)', { timeout: TIMEOUT_MS }, async (seed) => {
    const id = await bringThroughDeath(createDice(seed).whole(1, packageWrites), seed);

    await media.expectShown(id);
    expect(await sameEachTimeOf(id)).toEqual(sameEachTime);
    const names = [...(await media.keysOf(id))].filter((key) => /\/240p_\w+\.(m4s|mp4)$/.test(key)).sort();
    const [init = '', segments] = [
      names.find((key) => key.endsWith('.mp4')),
      names.filter((key) => key.endsWith('.m4s')),
    ];
    const rendition = join(media.folder, `${id}.mp4`);
    const bytes = await Promise.all([init, ...segments].map((key) => buffer(media.s3.read(key))));
    await writeFile(rendition, Buffer.concat(bytes));
    expect(await probe(rendition, ['-count_frames', '-show_entries', 'stream=nb_read_frames'])).toMatchObject(
      {
        streams: [{ nb_read_frames: String(PICTURES) }],
      },
    );
  });

  it.each(seeds)('of a file in parts (seed %i)', { timeout: TIMEOUT_MS }, async (seed) => {
    expect(copyEtag).toMatch(new RegExp(`-${COPY_PARTS}$`));
    const write = createDice(seed).whole(1, COPY_WRITES);
    const id = await bringThroughDeath(write, seed, { recipe: 'copied', of: large });

    await media.house.reaches(id, 'done', 'failed');
    expect(await media.house.recordings.get(id)).toMatchObject({ state: 'done', lastError: null });
    // The server makes it of the digests of all parts.
    expect([...(await etagsOf(id))]).toEqual([[expect.stringMatching(/\.mp4$/), copyEtag]]);
    expect(await media.s3.uploads()).toEqual([]);
    const parts = writesOf(id).flatMap(({ query }) => /partNumber=\d+/.exec(query)?.[0] ?? []);
    expect(parts).toHaveLength(new Set(parts).size);
    await media.expectQuiet();
  });
});
