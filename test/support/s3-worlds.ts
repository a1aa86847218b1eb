import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { openOutputPlaces } from '../../src/outside/output-places.ts';
import { createObjects } from '../../src/outside/s3/objects.ts';
import { PROFILES, type ProfileName } from '../../src/outside/s3/profiles.ts';
import { createRequests } from '../../src/outside/s3/requests.ts';
import { createUploads } from '../../src/outside/s3/uploads.ts';
import { openStores } from '../../src/outside/stores.ts';
import type { OutputPlaceWorld } from '../contract/output-place-contract.ts';
import type { StoreWorld } from '../contract/store-contract.ts';

/** A service that speaks S3, whichever it is. */
export interface S3Service {
  readonly url: string;
  readonly keyId: string;
  readonly secretKey: string;
  readonly profile: ProfileName;
}

const ADDRESS = 'https://media.academy.example';
const { signal } = new AbortController();

/** What is connected to in each test: a bucket of its own, which is made. */
export function s3Settings({ url, keyId, secretKey, profile }: S3Service) {
  return {
    endpoint: url,
    region: PROFILES[profile].region,
    keyId,
    secretKey,
    bucket: `test-${randomBytes(6).toString('hex')}`,
    profile: PROFILES[profile],
    addressing: 'path' as const,
    isMade: true,
    comparesEtags: true,
  };
}

/** How the bucket is looked into beside what is tried. */
function lookInto(settings: ReturnType<typeof s3Settings>) {
  const requests = createRequests({ ...settings, idleTimeoutMs: 5000 });
  const objects = createObjects(requests, settings.profile);
  const uploads = createUploads(requests, settings);
  return {
    requests,
    objects,
    uploads,
    async put(key: string, text: string) {
      await requests.ask({
        method: 'PUT',
        key,
        headers: { 'content-type': 'text/plain' },
        body: text,
        signal,
      });
    },
    async read(key: string): Promise<Buffer | undefined> {
      const opened = await objects.open({ key, fromByte: 0, signal });
      return opened && (await buffer(opened.chunks));
    },
    async keys(prefix = ''): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of objects.list({ prefix, signal })) keys.push(key);
      return keys;
    },
  };
}

const nothing = {
  apiUrl: 'http://127.0.0.1:9',
  keyId: '',
  applicationKey: '',
  bucket: '',
  partBytes: undefined,
};

/** The store `s3` with a bucket of its own. */
export async function openS3World(
  service: S3Service,
  more: Pick<StoreWorld, 'loseAnswer' | 'fill' | 'misreads'> = {},
): Promise<StoreWorld> {
  const s3Store = s3Settings(service);
  const inside = lookInto(s3Store);
  function open() {
    const settings = { b2: nothing, folderStore: undefined, s3Store };
    const store = openStores(settings, { idleTimeoutMs: 2000 }).get('s3');
    if (store === undefined) throw new Error('there is no store s3');
    return store;
  }
  const store = open();
  await store.limits({ signal });
  return {
    store,
    reopen: open,
    putForeign: inside.put,
    async contentsOf(name) {
      const content = await inside.read(name);
      return content === undefined ? [] : [content.toString()];
    },
    ...more,
    async close() {},
  };
}

/** A folder of a bucket of its own as a place of outputs. */
export async function openS3Output(
  service: S3Service,
  more: Pick<OutputPlaceWorld, 'misreads'> = {},
): Promise<OutputPlaceWorld> {
  const settings = s3Settings(service);
  const prefix = 'of/academy/';
  const inside = lookInto(settings);
  const mediaOut = { kind: 's3' as const, ...settings, prefix, url: ADDRESS };
  function open() {
    const place = openOutputPlaces({ mediaOut }, { idleTimeoutMs: 2000 }).get('media-out');
    if (place === undefined) throw new Error('there is no such place');
    return place;
  }
  const place = open();
  await place.probe({ signal });
  await inside.put('elsewhere.txt', 'not of this place');
  return {
    place,
    reopen: open,
    url: ADDRESS,
    putForeign: (key, text) => inside.put(`${prefix}${key}`, text),
    read: (key) => inside.read(`${prefix}${key}`),
    largeBytes: 16 * 1024 * 1024,
    async scraps() {
      const own = (await inside.keys()).filter((key) => !key.startsWith(prefix) && key !== 'elsewhere.txt');
      return own.length + (await inside.uploads.list({ prefix, signal })).length;
    },
    ...more,
    async close() {},
  };
}
