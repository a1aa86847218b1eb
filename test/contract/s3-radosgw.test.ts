import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createObjects } from '../../src/outside/s3/objects.ts';
import { createRequests } from '../../src/outside/s3/requests.ts';
import { createUploads } from '../../src/outside/s3/uploads.ts';
import { hasRadosgw, type Radosgw, startRadosgw } from '../support/radosgw.ts';
import { openS3Output, openS3World, type S3Service, s3Settings } from '../support/s3-worlds.ts';
import { outputPlaceContract } from './output-place-contract.ts';
import { storeContract } from './store-contract.ts';

const { signal } = new AbortController();

// It judges signatures, digests, parts and names as Ceph does. The database that it runs on here gives back what was made of
// parts, and ranges, otherwise than they came.
describe.runIf(hasRadosgw)('against a server that is not ours', () => {
  let radosgw: Radosgw;
  beforeAll(async () => {
    radosgw = await startRadosgw({ minPartBytes: 10 });
  });
  afterAll(() => radosgw?.close());

  const service = (): S3Service => ({ ...radosgw, profile: 'ceph' });

  storeContract('s3', () => openS3World(service(), { misreads: true }));
  outputPlaceContract('a bucket of outputs', () => openS3Output(service(), { misreads: true }));

  it('is told who asks, and refuses whoever is not', async () => {
    for (const wrong of [{ secretKey: 'wrong' }, { keyId: 'unknown' }]) {
      const requests = createRequests({ ...s3Settings(service()), ...wrong, idleTimeoutMs: 2000 });
      await expect(requests.ask({ method: 'PUT', signal })).rejects.toMatchObject({
        code: 'REMOTE_UNAUTHORIZED',
        retry: 'backoff',
      });
    }
  });

  it('keeps nothing whose digest is another than was told, and no link that was changed', async () => {
    const settings = s3Settings(service());
    const requests = createRequests({ ...settings, idleTimeoutMs: 2000 });
    const objects = createObjects(requests, settings.profile);
    await requests.ask({ method: 'PUT', signal });
    async function* chunks() {
      yield Buffer.from('hello');
    }
    const file = { key: 'a b/ü+.txt', mediaType: 'text/plain', meta: {} };
    const put = (md5: Buffer) => objects.put({ ...file, md5, body: { bytes: 5, chunks: chunks() }, signal });

    await expect(put(Buffer.alloc(16))).rejects.toMatchObject({ code: 'TRANSFER_CORRUPT' });
    expect(await objects.look({ ...file, signal })).toBeUndefined();
    await put(createHash('md5').update('hello').digest());

    const link = await requests.presign({ key: file.key, expiresS: 60 });
    expect(await (await fetch(link)).text()).toBe('hello');
    expect((await fetch(link.replace(/.$/, (end) => (end === '0' ? '1' : '0')))).status).toBe(403);
  });

  it('that is killed in the middle of a file has what had arrived, and gets the rest', async () => {
    const world = await openS3Output(service(), { misreads: true });
    const path = join(await mkdtemp(join(tmpdir(), 'sluice-s3-')), 'output');
    const bytes = 49 * 1024 * 1024;
    await writeFile(path, Buffer.alloc(bytes, 'sluice'));
    const mark = { recordingId: 'rec_1a', step: 'package', fence: 7 };
    let state: string | undefined;
    async function save(noted: string) {
      state = noted;
    }
    let restarted: Promise<void> | undefined;
    let sentBytes = 0;
    const onSent = (sent: number) => {
      sentBytes = sent;
      if (sent > 20 * 1024 * 1024) restarted ??= radosgw.kill().then(radosgw.start);
    };
    const file = { key: 'large.mp4', path, mediaType: 'video/mp4', mark, signal };

    const cut = world.place.put({ ...file, resume: { state, save }, onSent });
    await expect(cut).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    await restarted;
    expect(sentBytes).toBeLessThan(bytes);

    expect(await world.reopen().put({ ...file, resume: { state, save } })).toEqual({ bytes });
    expect(await world.place.look({ key: 'large.mp4', signal })).toMatchObject({
      bytes,
      recordingId: 'rec_1a',
    });
    await rm(dirname(path), { recursive: true });
  });

  it('says that the end of an upload is not to be had twice, which is no loss', async () => {
    const settings = s3Settings(service());
    const requests = createRequests({ ...settings, idleTimeoutMs: 2000 });
    const uploads = createUploads(requests, settings);
    await requests.ask({ method: 'PUT', signal });
    const { uploadId } = await uploads.begin({ key: 'k', mediaType: 'video/mp4', meta: {}, signal });
    async function* chunks() {
      yield Buffer.from('hello');
    }
    const body = { bytes: 5, chunks: chunks() };
    const { etag } = await uploads.putPart({ key: 'k', uploadId, number: 1, body, signal });
    await uploads.complete({ key: 'k', uploadId, etags: [etag], signal });

    await expect(uploads.complete({ key: 'k', uploadId, etags: [etag], signal })).rejects.toMatchObject({
      details: { status: 404 },
    });
  });
});
