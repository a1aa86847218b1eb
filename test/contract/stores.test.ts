import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { startB2Simulator } from '../../simulators/b2/simulator.ts';
import { startS3Simulator } from '../../simulators/s3/simulator.ts';
import { createB2 } from '../../src/outside/b2/client.ts';
import { openStores, type StoreName, type StoreSettings } from '../../src/outside/stores.ts';
import { openS3World } from '../support/s3-worlds.ts';
import { canMakeDisks, mountSmallDisk } from '../support/small-disk.ts';
import { type StoreWorld, storeContract } from './store-contract.ts';

/** A world for every store that there is: one that is added without does not compile. */
const WORLDS: Readonly<Record<StoreName, () => Promise<StoreWorld>>> = {
  b2: openB2,
  folder: openFolder,
  s3: openS3,
};

for (const [name, open] of Object.entries(WORLDS)) storeContract(name, open);

const NOBODY = { url: 'http://127.0.0.1:9', keyId: '', applicationKey: '', bucket: '' };

function openStore(
  name: StoreName,
  { b2 = NOBODY, folderStore }: { b2?: typeof NOBODY; folderStore?: StoreSettings['folderStore'] },
  idleTimeoutMs: number,
) {
  const { url: apiUrl, keyId, applicationKey, bucket } = b2;
  const settings = {
    b2: { apiUrl, keyId, applicationKey, bucket, partBytes: undefined },
    folderStore,
    s3Store: undefined,
  };
  const store = openStores(settings, { idleTimeoutMs }).get(name);
  if (store === undefined) throw new Error(`there is no store ${name}`);
  return store;
}

async function openB2(): Promise<StoreWorld> {
  const b2 = await startB2Simulator({ absoluteMinimumPartSize: 10, recommendedPartSize: 20 });
  const calls = {
    put: '/b2api/*/b2_upload_file/*',
    begin: '/b2api/*/b2_start_large_file',
    putPart: '/b2api/*/b2_upload_part/*',
    finish: '/b2api/*/b2_finish_large_file',
  };
  const capped = JSON.stringify({ status: 403, code: 'storage_cap_exceeded', message: 'no more' });
  return {
    store: openStore('b2', { b2 }, 300),
    reopen: () => openStore('b2', { b2 }, 300),
    async putForeign(fileName, text) {
      const client = createB2({ ...b2, apiUrl: b2.url, idleTimeoutMs: 300 });
      const { signal } = new AbortController();
      async function* chunks() {
        yield Buffer.from(text);
      }
      const file = { fileName, contentType: 'video/mp4', fileInfo: {} };
      await client.uploadFile({ ...file, bytes: text.length, chunks: chunks(), signal });
    },
    async contentsOf(name) {
      const files = (await b2.files()).filter(({ fileName }) => fileName === name);
      return Promise.all(files.map(async ({ fileId }) => (await buffer(b2.read(fileId))).toString()));
    },
    async fill() {
      for (const call of ['b2_get_upload_url', 'b2_start_large_file']) {
        b2.fail({ on: `POST /b2api/*/${call}`, status: 403, body: capped, count: 100 });
      }
      return async () => b2.faults.clear();
    },
    loseAnswer: (call) => b2.fail({ on: `POST ${calls[call]}`, drop: 'after-handling' }),
    close: () => b2.close(),
  };
}

async function openFolder(): Promise<StoreWorld> {
  const base = await mkdtemp(join(tmpdir(), 'sluice-folder-store-'));
  const path = join(base, 'archive');
  await mkdir(path);
  const disk = canMakeDisks ? await mountSmallDisk(path, { bytes: 4 * 1024 * 1024 }) : undefined;
  const folderStore = { path, memoryPath: join(base, 'folders.json'), reserveBytes: 0 };
  const open = () => openStore('folder', { folderStore }, 5000);
  return {
    store: open(),
    reopen: open,
    async putForeign(name, text) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), text);
    },
    contentsOf: async (name) => [await readFile(join(path, name), 'utf8')],
    fill: disk && (() => disk.fill().then(() => disk.free)),
    async close() {
      await disk?.unmount();
      await rm(base, { recursive: true, force: true });
    },
  };
}

async function openS3(): Promise<StoreWorld> {
  const s3 = await startS3Simulator({ minPartBytes: 10 });
  const calls = {
    put: 'PUT *#PutObject',
    begin: 'POST *#CreateMultipartUpload',
    putPart: 'PUT *#UploadPart',
    finish: 'POST *#CompleteMultipartUpload',
  };
  const full = '<Error><Code>QuotaExceeded</Code><Message>no more</Message></Error>';
  const world = await openS3World(s3, {
    async fill() {
      s3.fail({ on: 'P* *', status: 403, body: full, count: 100 });
      return async () => s3.faults.clear();
    },
    loseAnswer: (call) => s3.fail({ on: calls[call], drop: 'after-handling' }),
  });
  return { ...world, close: () => s3.close() };
}
