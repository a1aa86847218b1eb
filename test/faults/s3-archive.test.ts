import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Simulator, startS3Simulator } from '../../simulators/s3/simulator.ts';
import {
  arrive,
  expectHome,
  QUICK_SETTINGS,
  type Source,
  sendMeeting,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { buildCrashCopy, type CrashAt, expectDeath, startCrashWorker } from '../support/faults-worker.ts';
import { type House, openHouse } from '../support/house.ts';
import { TO_S3_TOO } from '../support/recipes.ts';
import { oneOfEach } from '../support/whole-tables.ts';

/** So large that it goes to S3 in parts, too. */
const LARGE_BYTES = 40_000_000;

/** Where the worker dies, of a recording of which size; of passages of both archives, whichever comes first. */
const CRASHES: readonly (readonly [CrashAt, 'small' | 'large'])[] = [
  ['archive:after-upload:2', 'small'],
  ['archive:after-start:2', 'large'],
  ['archive:after-part:3', 'large'],
  ['archive:after-finish:2', 'large'],
];

let base: string;
let s3: S3Simulator;
let house: House;
let sources: Record<'small' | 'large', Source>;

beforeAll(async () => {
  await buildCrashCopy();
  base = await mkdtemp(join(tmpdir(), 'sluice-s3-archive-'));
  s3 = await startS3Simulator();
  await writeFile(join(base, 'recipes.yaml'), TO_S3_TOO);
  house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED, ...more() });
  sources = {
    small: await writeSource(house, 'small'),
    large: await writeSource(house, 'large', LARGE_BYTES),
  };
});
afterAll(async () => {
  await house?.close();
  await s3?.close();
  await rm(base, { recursive: true, force: true });
});

const more = () => ({
  RECIPES_FILE: join(base, 'recipes.yaml'),
  S3_ENDPOINT: s3.url,
  S3_REGION: s3.region,
  S3_KEY_ID: s3.keyId,
  S3_SECRET: s3.secretKey,
  S3_BUCKET: s3.bucket,
});

/** The objects of a recording in the bucket. */
function objectsOf(id: string): string[] {
  return s3.objects().flatMap(({ key }) => (key.includes(id.replace('rec_', '')) ? [key] : []));
}

async function sha1Of(key: string): Promise<string> {
  const hash = createHash('sha1');
  for await (const chunk of s3.read(key)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

describe('a recording that goes to B2 and to S3, and whose worker is killed', () => {
  it.each(oneOfEach(CRASHES, ([, size]) => size))('%s is in both once (%s)', async (crashAt, size) => {
    const marker = join(base, `${crashAt}.died`);
    const doomed = startCrashWorker(house, { crashAt, marker, settings: more() });
    const sent = await sendMeeting(house, crashAt, sources[size]);
    await expectDeath(doomed, { crashAt, marker });

    const heir = startCrashWorker(house, { settings: more() });
    try {
      await arrive(house, sent);
      await expectHome(house, sent);
      const [key, ...doubles] = objectsOf(sent.id);
      expect(doubles).toEqual([]);
      expect(await sha1Of(key ?? '')).toBe(sent.sha1);
      await expect.poll(() => s3.uploads(), { timeout: 10_000 }).toEqual([]);
    } finally {
      await Promise.all([doomed.kill(), heir.kill()]);
    }
  });
});
