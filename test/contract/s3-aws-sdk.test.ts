import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startS3Simulator } from '../../simulators/s3/simulator.ts';
import type { OutputPlace } from '../../src/engine/ports/output-place.ts';
import { createS3Output } from '../../src/outside/s3/output-place.ts';
import { createS3Store } from '../../src/outside/s3/store.ts';
import { hasRadosgw, startRadosgw } from '../support/radosgw.ts';
import { type S3Service, s3Settings } from '../support/s3-worlds.ts';

const MARK = { recordingId: 'rec_1a', step: 'package', fence: 7 };
const KEY = 'runs/rec_1a/package/7/Геометрия, 1+2.m3u8';
const { signal } = new AbortController();

type Closable = S3Service & { close(): Promise<void> };

/** Amazon's own client, as it comes, towards a service and a bucket of its own. */
function stranger({ url, keyId, secretKey }: S3Service): S3Client {
  return new S3Client({
    endpoint: url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: keyId, secretAccessKey: secretKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

describe.each<[string, boolean, () => Promise<Closable>]>([
  ['the simulator', true, () => startS3Simulator()],
  ['radosgw', hasRadosgw, async () => ({ ...(await startRadosgw()), profile: 'ceph' })],
])('beside the client of Amazon, with %s', (_name, isThere, start) => {
  let service: Closable;
  let client: S3Client;
  let settings: ReturnType<typeof s3Settings>;
  let place: OutputPlace;
  let local: string;

  beforeAll(async () => {
    if (!isThere) return;
    local = await mkdtemp(join(tmpdir(), 'sluice-sdk-'));
    service = await start();
    client = stranger(service);
    settings = s3Settings(service);
    await client.send(new CreateBucketCommand({ Bucket: settings.bucket }));
    place = createS3Output('media-out', { ...settings, prefix: '', url: undefined, idleTimeoutMs: 2000 });
  });
  afterAll(async () => {
    if (!isThere) return;
    client.destroy();
    await service.close();
    await rm(local, { recursive: true, force: true });
  });

  it.runIf(isThere)('what we write is read by it as we meant it', async () => {
    const path = join(local, 'master.m3u8');
    await writeFile(path, '#EXTM3U\n');
    const mediaType = 'application/vnd.apple.mpegurl';
    await place.put({ key: KEY, path, mediaType, cacheControl: 'max-age=60', mark: MARK, signal });

    const found = await client.send(new GetObjectCommand({ Bucket: settings.bucket, Key: KEY }));
    expect(await found.Body?.transformToString()).toBe('#EXTM3U\n');
    expect(found).toMatchObject({
      ContentType: mediaType,
      CacheControl: 'max-age=60',
      Metadata: { 'sluice-recording': 'rec_1a', 'sluice-step': 'package', 'sluice-fence': '7' },
    });
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: settings.bucket }));
    expect(Contents?.map((each) => each.Key)).toEqual([KEY]);
  });

  it.runIf(isThere)('what we write in parts it finds as one file', async () => {
    const path = join(local, 'large');
    await writeFile(path, Buffer.alloc(17 * 1024 * 1024, 'sluice'));
    await place.put({ key: 'large.mp4', path, mediaType: 'video/mp4', mark: MARK, signal });

    const found = await client.send(new HeadObjectCommand({ Bucket: settings.bucket, Key: 'large.mp4' }));
    expect(found).toMatchObject({ ContentLength: 17 * 1024 * 1024, ContentType: 'video/mp4' });
    expect(found.ETag).toMatch(/-2"$/);
  });

  it.runIf(isThere)('what somebody uploads by a link that it has signed is read by us', async () => {
    const command = new PutObjectCommand({ Bucket: settings.bucket, Key: 'in/a b.mp4' });
    const link = await getSignedUrl(client, command, { expiresIn: 60 });
    const answer = await fetch(link, { method: 'PUT', body: 'uploaded' });
    expect(answer.status).toBe(200);

    const store = createS3Store({ ...settings, idleTimeoutMs: 2000 });
    const [file] = await store.find({ name: 'in/a b.mp4', signal });
    expect(file).toMatchObject({ bytes: 8, mark: undefined, isFinished: true });
    const ours = (await place.presign?.({ key: 'in/a b.mp4', expiresS: 60 })) ?? '';
    expect(await (await fetch(ours)).text()).toBe('uploaded');
  });
});
