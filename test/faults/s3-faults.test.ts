import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Simulator, startS3Simulator } from '../../simulators/s3/simulator.ts';
import type { Fault } from '../../simulators/shared/faults.ts';
import {
  clearFaults,
  QUICK_SETTINGS,
  type Source,
  sendMeeting,
  writeSource,
} from '../support/faults-house.ts';
import { digestOf, type House, openHouse } from '../support/house.ts';

/** A call that the store makes of S3, and how a recording is brought to make it. */
interface S3Call {
  readonly name: string;
  readonly on: string;
  readonly isLarge?: boolean;
  readonly provoke?: () => void;
}

const LOST = { drop: 'after-handling' } as const;
const HTML = { headers: { 'content-type': 'text/html' }, body: '<!doctype html><h1>Sign in</h1>' };

const CALLS: readonly S3Call[] = [
  { name: 'ListObjectsV2, whether the bucket is there', on: 'GET *#ListObjectsV2' },
  { name: 'HeadObject', on: 'HEAD *#HeadObject' },
  { name: 'PutObject', on: 'PUT *.mp4#PutObject' },
  { name: 'PutObject, of a note', on: 'PUT *.json#PutObject', isLarge: true },
  { name: 'CreateMultipartUpload', on: 'POST *#CreateMultipartUpload', isLarge: true },
  { name: 'UploadPart', on: 'PUT *#UploadPart', isLarge: true },
  {
    name: 'ListParts, after an interrupted attempt',
    on: 'GET *#ListParts',
    isLarge: true,
    provoke: () => s3.fail({ on: 'PUT *#UploadPart', status: 503, skip: 1, count: 13 }),
  },
  {
    name: 'ListMultipartUploads, after a beginning without an answer',
    on: 'GET *#ListMultipartUploads',
    isLarge: true,
    provoke: () => s3.fail({ on: 'POST *#CreateMultipartUpload', ...LOST }),
  },
  { name: 'CompleteMultipartUpload', on: 'POST *#CompleteMultipartUpload', isLarge: true },
  { name: 'DeleteObject, of a note', on: 'DELETE *.json#DeleteObject', isLarge: true },
];

const KINDS: readonly (readonly [name: string, fault: Omit<Fault, 'on'>])[] = [
  ['a reset once it is done', LOST],
  ['a 500', { status: 500 }],
  ['seven 503 in a row', { status: 503, count: 7 }],
  ['a reset before anything happens', { drop: 'before-handling' }],
  ['a web page with status 200', { status: 200, ...HTML }],
  ['silence', { stall: true }],
  ['an error within a success', { status: 200, body: '<Error><Code>InternalError</Code></Error>' }],
  ['an answer that breaks off', { cutAfterBytes: 10 }],
  ['a 403 for a clock', { status: 403, body: '<Error><Code>RequestTimeTooSkewed</Code></Error>' }],
];

/** Each call meets one of them, and each of them comes up. */
const CASES = CALLS.map((call, at) => {
  const [name, fault] = KINDS[at % KINDS.length] as (typeof KINDS)[number];
  return [call.name, name, call, fault] as const;
});

let base: string;
let s3: S3Simulator;
let house: House;
let sources: Record<'small' | 'large', Source>;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'sluice-s3-faults-'));
  s3 = await startS3Simulator();
  const recipes = join(base, 'recipes.yaml');
  await writeFile(
    recipes,
    `default: to-s3
recipes:
  - name: to-s3
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, params: { store: s3 }, takes: { file: fetch.file } }
      - { id: cleanup, task: cleanup, after: archive }
`,
  );
  house = await openHouse({
    ...QUICK_SETTINGS,
    RECIPES_FILE: recipes,
    S3_ENDPOINT: s3.url,
    S3_KEY_ID: s3.keyId,
    S3_SECRET: s3.secretKey,
    S3_BUCKET: s3.bucket,
  });
  sources = {
    small: await writeSource(house, 'small'),
    large: await writeSource(house, 'large', 11_000_000),
  };
});
afterAll(async () => {
  await house?.close();
  await s3?.close();
  await rm(base, { recursive: true, force: true });
});

const files = () => s3.objects().filter(({ key }) => !key.startsWith('.sluice/'));
const isOf = (id: string) => (file: { kept: Readonly<Record<string, string>> }) =>
  file.kept['x-amz-meta-sluice-recording'] === id;

/** What must be true of a recording in the end: one file in the bucket, byte for byte, and nothing begun. */
async function expectHome(id: string, source: Source): Promise<void> {
  expect((await house.recordings.get(id))?.lastError?.message).toBeUndefined();
  const [file, ...doubles] = files().filter(isOf(id));
  expect(doubles).toEqual([]);
  expect(file?.bytes).toBe(source.bytes);
  const path = join(base, 'found.mp4');
  await writeFile(path, await buffer(s3.read(file?.key ?? '')));
  expect(await digestOf(path, 'sha256')).toBe(source.sha256);
  expect(s3.uploads()).toEqual([]);
  expect(await house.staged()).toEqual([]);
}

describe('a recording that goes to S3 comes home, whatever goes wrong once', () => {
  it.each(CASES)('%s: %s', async (callName, kindName, { on, isLarge, provoke }, fault) => {
    const worker = await house.startWorker();
    const struck = s3.faults.struck;
    provoke?.();
    s3.fail({ on, ...fault });
    try {
      const source = sources[isLarge ? 'large' : 'small'];
      const { id } = await sendMeeting(house, `${callName}: ${kindName}`, source);

      expect(await house.reaches(id, 'done', 'failed')).toBe('done');
      expect(s3.faults.struck).toBeGreaterThan(struck);
      await expectHome(id, source);
    } finally {
      s3.faults.clear();
      clearFaults(house);
      await worker.stop();
    }
  });

  it('and is taken back from there when it is cancelled half way', async () => {
    const worker = await house.startWorker();
    s3.fail({ on: 'PUT *#UploadPart', status: 400, skip: 1, count: 10_000 });
    try {
      const { id } = await sendMeeting(house, 'cancelled', sources.large);
      await expect.poll(() => s3.uploads().length, { timeout: 20_000 }).toBe(1);
      await house.post(`/api/recordings/${id}/cancel`, {});
      await house.reaches(id, 'cancelled');

      expect(files().filter(isOf(id))).toEqual([]);
      expect(s3.uploads()).toEqual([]);
    } finally {
      s3.faults.clear();
      await worker.stop();
    }
  });
});
