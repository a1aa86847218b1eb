import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clearFaults, emptyRemotes, happens, QUICK_SETTINGS, UNWATCHED } from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';
import { isWhole } from '../support/whole-tables.ts';

/** Goes to B2 in one request, and in parts. */
const SMALL_BYTES = 4_000_000;
const LARGE_BYTES = 12_000_000;
const PATIENCE = { timeout: 40_000, interval: 20 };

const UPLOAD_FILE = 'POST /b2api/*/b2_upload_file/*';
const UPLOAD_PART = 'POST /b2api/*/b2_upload_part/*';
const START = 'POST /b2api/*/b2_start_large_file';
const FINISH = 'POST /b2api/*/b2_finish_large_file';

let house: House;
let worker: Awaited<ReturnType<House['startWorker']>>;
let count = 0;
let struck = 0;

beforeAll(async () => {
  // The three looks behind the first come after 0.2, 0.8 and 2.6 seconds, and so on.
  house = await openHouse({
    ...QUICK_SETTINGS,
    ...UNWATCHED,
    LATE_LOOK_FIRST_S: '0.2',
    LATE_LOOK_FOR_H: '0.01',
  });
});
beforeEach(async () => {
  struck = house.b2.faults.struck;
  await fetch(`${house.b2.url}/__sim/requests`, { method: 'DELETE' });
  worker = await house.startWorker();
});
afterEach(async () => {
  await worker.stop();
  clearFaults(house);
  house.b2.link.bytesPerSecond = undefined;
  await emptyRemotes(house);
});
afterAll(() => house.close());

const add = (bytes: number) => house.addCustom(`Late ${++count}`, { bytes });
const cancel = async (id: string) =>
  expect((await house.post(`/api/recordings/${id}/cancel`, {})).status).toBe(200);
const asked = (part: string) => house.b2.requests.filter(({ path }) => path.includes(part)).length;
const versions = async () => (await house.b2.files()).map(({ fileId }) => fileId);
const archivedAs = async (id: string) => (await house.recordings.progress(id)).facts.archive?.fileId;
const restartWorker = async () => {
  await worker.stop();
  worker = await house.startWorker();
};

/** Waits until B2 has carried out, or dropped, all that was asked of it. */
async function isQuiet(): Promise<void> {
  const open = async () =>
    (await fetch(`${house.b2.url}/__sim/open`).then((r) => r.json())) as { open: number };
  await expect.poll(async () => (await open()).open, PATIENCE).toBe(0);
}

/** Waits until so many files have come into being, the late ones too. */
async function come(files: number): Promise<void> {
  await expect.poll(async () => (await house.b2.files()).length, PATIENCE).toBe(files);
}

/** What must be true in the end: the file that the ledger names and no other, nothing unfinished. */
async function expectOne(id: string): Promise<void> {
  await expect.poll(versions, PATIENCE).toEqual([await archivedAs(id)]);
  expect(house.b2.unfinished()).toEqual([]);
}

describe('a file that was given up in the middle of its upload, on a slow line', () => {
  beforeEach(() => {
    house.b2.link.bytesPerSecond = 2_000_000;
  });

  it.each([
    ['in one request', SMALL_BYTES, 'b2_get_upload_url'],
    ['in parts', LARGE_BYTES, 'b2_get_upload_part_url'],
  ])('%s is there once, after an orderly restart of the worker', async (_name, bytes, path) => {
    const { id } = await add(bytes);
    await happens(house, id, 'stage.started archive');
    await expect.poll(() => asked(path), PATIENCE).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 300));

    await restartWorker();
    house.b2.link.bytesPerSecond = 8_000_000;
    await house.reaches(id, 'done');
    await isQuiet();

    await expectOne(id);
    expect(await house.history(id)).not.toContain('late.removed');
  });

  it('is not there at all once its recording was cancelled', async () => {
    const { id } = await add(SMALL_BYTES);
    await happens(house, id, 'stage.started archive');
    await new Promise((resolve) => setTimeout(resolve, 500));

    await cancel(id);
    await house.reaches(id, 'cancelled');
    await isQuiet();

    expect(await versions()).toEqual([]);
    expect(await house.history(id)).not.toContain('late.removed');
  });
});

describe('an upload that takes effect after it was given up', () => {
  it('because B2 said nothing is taken back, and the one in the ledger stays', async () => {
    house.b2.fail({ on: UPLOAD_FILE, lateMs: 2500 });
    const { id } = await add(SMALL_BYTES);
    await house.reaches(id, 'done');
    await come(1);
    const kept = await versions();

    await happens(house, id, 'late.removed');

    expect(kept).toEqual([await archivedAs(id)]);
    await expectOne(id);
  });

  it.runIf(isWhole)('because the worker was stopped is taken back', async () => {
    house.b2.fail({ on: UPLOAD_FILE, lateMs: 6000 });
    const { id } = await add(SMALL_BYTES);
    await expect.poll(() => house.b2.faults.struck, PATIENCE).toBeGreaterThan(struck);
    await new Promise((resolve) => setTimeout(resolve, 200));

    await restartWorker();
    await house.reaches(id, 'done');
    await happens(house, id, 'late.removed');

    await expectOne(id);
  });

  it('because its recording was cancelled is taken back', async () => {
    house.b2.fail({ on: UPLOAD_FILE, lateMs: 2500 });
    const { id } = await add(SMALL_BYTES);
    await expect.poll(() => house.b2.faults.struck, PATIENCE).toBeGreaterThan(struck);
    await new Promise((resolve) => setTimeout(resolve, 200));

    await cancel(id);
    await house.reaches(id, 'cancelled');
    expect(await versions()).toEqual([]);
    await happens(house, id, 'late.removed');

    expect(await versions()).toEqual([]);
  });

  it('leaves alone what others have put under the same name', async () => {
    house.b2.fail({ on: UPLOAD_FILE, lateMs: 2500 });
    const { id } = await add(SMALL_BYTES);
    await house.reaches(id, 'done');
    const [{ fileName } = { fileName: '' }] = await house.b2.files();
    const others = [
      await putByHand(fileName, {}),
      await putByHand(fileName, { sluice_recording: 'rec_other' }),
    ];

    await happens(house, id, 'late.removed');

    expect((await versions()).sort()).toEqual([await archivedAs(id), ...others].sort());
  });

  it.runIf(isWhole)('and may not be deleted is told, once', async () => {
    house.b2.fail({ on: UPLOAD_FILE, lateMs: 2000 });
    house.b2.fail({
      on: 'POST */b2_delete_file_version',
      status: 401,
      body: '{"code":"unauthorized"}',
      count: 99,
    });
    const { id } = await add(SMALL_BYTES);
    await house.reaches(id, 'done');
    await happens(house, id, 'archive.left');
    const looks = asked('b2_delete_file_version');
    await expect.poll(() => asked('b2_delete_file_version'), PATIENCE).toBeGreaterThan(looks);

    expect((await house.history(id)).filter((type) => type === 'archive.left')).toHaveLength(1);
    expect(await versions()).toHaveLength(2);
  });

  it('does not come in a part of a file that is finished', async () => {
    house.b2.fail({ on: UPLOAD_PART, lateMs: 2000 });
    const { id } = await add(LARGE_BYTES);
    await house.reaches(id, 'done');
    await isQuiet();

    await expectOne(id);
  });
});

describe('a large file', () => {
  it('that is begun after it was given up is thrown away', async () => {
    house.b2.fail({ on: START, lateMs: 2000 });
    const { id } = await add(LARGE_BYTES);
    await house.reaches(id, 'done');
    await happens(house, id, 'late.removed');

    await expectOne(id);
  });

  it.runIf(isWhole)('that is begun after its recording was cancelled is thrown away', async () => {
    house.b2.fail({ on: START, lateMs: 2000 });
    const { id } = await add(LARGE_BYTES);
    await expect.poll(() => house.b2.faults.struck, PATIENCE).toBeGreaterThan(struck);

    await cancel(id);
    await house.reaches(id, 'cancelled');
    await happens(house, id, 'late.removed');

    expect([house.b2.unfinished(), await versions()]).toEqual([[], []]);
  });

  it('that is finished late is there once', async () => {
    house.b2.fail({ on: FINISH, lateMs: 1500 });
    const { id } = await add(LARGE_BYTES);
    await house.reaches(id, 'done');
    await isQuiet();

    await expectOne(id);
  });
});

/** Puts a file into the bucket as somebody else does. */
async function putByHand(fileName: string, info: Record<string, string>): Promise<string> {
  const { b2 } = house;
  const basic = Buffer.from(`${b2.keyId}:${b2.applicationKey}`).toString('base64');
  const ask = async (url: string, headers: object, body?: object) =>
    (await (
      await fetch(url, { method: 'POST', headers: { ...headers }, body: body && JSON.stringify(body) })
    ).json()) as Record<string, string>;
  const { accountId, authorizationToken = '' } = await ask(`${b2.url}/b2api/v2/b2_authorize_account`, {
    authorization: `Basic ${basic}`,
  });
  const token = { authorization: authorizationToken };
  const listed = await ask(`${b2.url}/b2api/v2/b2_list_buckets`, token, { accountId });
  const [bucket] = listed['buckets'] as unknown as { bucketId: string }[];
  const target = await ask(`${b2.url}/b2api/v2/b2_get_upload_url`, token, { bucketId: bucket?.bucketId });
  const put = await fetch(target['uploadUrl'] ?? '', {
    method: 'POST',
    headers: {
      authorization: target['authorizationToken'] ?? '',
      'content-type': 'video/mp4',
      'x-bz-file-name': fileName.split('/').map(encodeURIComponent).join('/'),
      'x-bz-content-sha1': 'do_not_verify',
      ...Object.fromEntries(Object.entries(info).map(([key, value]) => [`x-bz-info-${key}`, value])),
    },
    body: 'by hand',
  });
  const { fileId } = (await put.json()) as { fileId: string };
  return fileId;
}
