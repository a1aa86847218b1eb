import { randomBytes } from 'node:crypto';
import { chmod, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createUpload,
  head,
  idOf,
  metadataHeader,
  offsetOf,
  patch,
  problemIn,
  stockUpload,
  tusRequest,
} from '../support/tus-client.ts';
import { acceptFile, failRecording, startTusWorld, type TusWorld } from '../support/tus-world.ts';

let world: TusWorld;
beforeEach(async () => {
  world = await startTusWorld({ maxBytes: 8 * 1024 * 1024 });
});
afterEach(() => world.stop());

describe('the tus endpoint', () => {
  it('creates with POST, appends with PATCH and tells the offset with HEAD (R6)', async () => {
    const url = await createUpload(world.url, 10, { ace_id: 'lesson-1', title: 'Algebra' });

    const appended = await patch(url, 0, Buffer.from('01234'));
    const told = await head(url);

    expect(appended).toMatchObject({ status: 204, headers: { 'upload-offset': '5' } });
    expect(told).toMatchObject({
      status: 200,
      headers: { 'upload-offset': '5', 'upload-length': '10', 'cache-control': 'no-store' },
    });
    expect(told.headers['upload-metadata']).toBe(metadataHeader({ ace_id: 'lesson-1', title: 'Algebra' }));
  });

  it('takes a file from a stock client and tells the pipeline where it is and whose it is (R6, R8, R9)', async () => {
    const content = randomBytes(3_000_000);
    const metadata = { ace_id: 'lesson-1', title: 'Größen', filename: 'a.mp4', filetype: 'video/mp4' };

    await stockUpload(content, { endpoint: world.url, metadata, chunkSize: 1_000_000 }).done;
    await expect.poll(() => world.pipeline.posts).toHaveLength(1);

    const [post] = world.pipeline.posts;
    expect(post).toEqual({
      ...metadata,
      upload_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      path: world.paths.finished(post?.upload_id ?? ''),
      size: content.length,
    });
    expect(content.equals(await readFile(post?.path ?? ''))).toBe(true);
  });

  it.each([
    ['sends the first bytes along with the creation', { uploadDataDuringCreation: true }],
    ['can only send POST', { overridePatchMethod: true }],
    ['gives each request an id', { addRequestId: true }],
  ])('serves a client that %s (R6)', async (_name, options) => {
    const content = randomBytes(200_000);

    await stockUpload(content, { endpoint: world.url, metadata: { ace_id: 'lesson-1' }, ...options }).done;

    await expect.poll(() => world.pipeline.posts).toMatchObject([{ ace_id: 'lesson-1', size: 200_000 }]);
  });

  it('gives a Location that is right behind any proxy, with an id that nobody can guess', async () => {
    const headers = { 'upload-length': '5', 'upload-metadata': metadataHeader({ ace_id: 'x' }) };

    const one = await tusRequest(world.url, { method: 'POST', headers });
    const other = await tusRequest(world.url, { method: 'POST', headers });

    expect(one.headers.location).toMatch(/^\/tusupload\/[0-9a-f]{32}$/);
    expect(one.headers.location).not.toBe(other.headers.location);
  });

  it('says what it can do', async () => {
    const response = await tusRequest(world.url, { method: 'OPTIONS' });

    expect(response.headers['tus-max-size']).toBe(String(8 * 1024 * 1024));
    expect(response.headers['tus-extension']).toBe('creation,creation-with-upload,termination,expiration');
  });

  it('never gives an upload out, unfinished or finished', async () => {
    const url = await createUpload(world.url, 5);
    const before = await tusRequest(url, { method: 'GET' });
    await patch(url, 0, Buffer.from('01234'));
    const after = await tusRequest(url, { method: 'GET' });

    for (const response of [before, after]) {
      expect(response.status).toBe(405);
      expect(problemIn(response)).toMatchObject({ status: 405, code: 'DOWNLOAD_GET_REFUSED' });
    }
  });

  it('keeps its folders to itself, also ones that were open to others', async () => {
    await world.stopTus();
    await chmod(world.paths.uploads, 0o755);
    await rm(world.paths.incoming, { recursive: true });

    await world.startTus();

    for (const folder of [world.paths.uploads, world.paths.incoming, world.paths.refused]) {
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
    }
  });

  it('takes back an unfinished upload, and no finished one', async () => {
    const unfinished = await createUpload(world.url, 5);
    const finished = await createUpload(world.url, 5, { ace_id: 'lesson-2' });
    await patch(finished, 0, Buffer.from('01234'));

    expect(await tusRequest(unfinished, { method: 'DELETE' })).toMatchObject({ status: 204 });
    expect(await tusRequest(finished, { method: 'DELETE' })).toMatchObject({ status: 403 });

    expect((await head(unfinished)).status).toBe(404);
    expect(await offsetOf(finished)).toBe(5);
    expect((await stat(world.paths.finished(idOf(finished)))).size).toBe(5);
  });
});

describe('a creation', () => {
  const MAX = 8 * 1024 * 1024;
  it.each([
    ['no metadata', '5', undefined, 400, 'ACE_ID_MISSING'],
    ['no ace_id', '5', { title: 'x' }, 400, 'ACE_ID_MISSING'],
    ['an empty ace_id', '5', { ace_id: '' }, 400, 'ACE_ID_MISSING'],
    ['a long ace_id', '5', { ace_id: 'a'.repeat(201) }, 400, 'REQUEST_INVALID'],
    ['control characters in the ace_id', '5', { ace_id: 'a\nb' }, 400, 'REQUEST_INVALID'],
    ['a long title', '5', { ace_id: 'a', title: 't'.repeat(1001) }, 400, 'REQUEST_INVALID'],
    ['a long file name', '5', { ace_id: 'a', filename: 't'.repeat(501) }, 400, 'REQUEST_INVALID'],
    ['a long file type', '5', { ace_id: 'a', filetype: 't'.repeat(201) }, 400, 'REQUEST_INVALID'],
    ['too many bytes', String(MAX + 1), { ace_id: 'a' }, 413, 'UPLOAD_TOO_LARGE'],
    ['no bytes at all', '0', { ace_id: 'a' }, 400, 'FILE_EMPTY'],
  ] as const)('is refused with %s', async (_name, length, metadata, status, code) => {
    const response = await tusRequest(world.url, {
      method: 'POST',
      headers: {
        'upload-length': length,
        ...(metadata ? { 'upload-metadata': metadataHeader(metadata) } : {}),
      },
    });

    expect(response.status).toBe(status);
    expect(problemIn(response)).toMatchObject({ status, code, advice: expect.any(String) });
    expect(world.pipeline.posts).toEqual([]);
  });

  it.each([
    ['a deferred length', { 'upload-defer-length': '1' }],
    ['no length', {}],
  ])('is refused with %s', async (_name, headers) => {
    const response = await tusRequest(world.url, {
      method: 'POST',
      headers: { ...headers, 'upload-metadata': metadataHeader({ ace_id: 'a' }) },
    });

    expect(response.status).toBe(400);
    expect(problemIn(response).code).toBe('REQUEST_INVALID');
  });

  it('is refused for a recording that has arrived, and not for one that has failed', async () => {
    const { ledger, dataDir } = world;
    const { id } = await acceptFile(ledger, 'lesson-1', `${dataDir}/ledger.db`);
    const post = () =>
      tusRequest(world.url, {
        method: 'POST',
        headers: { 'upload-length': '5', 'upload-metadata': metadataHeader({ ace_id: 'lesson-1' }) },
      });

    const whileWaiting = await post();
    await failRecording(ledger, id);
    const afterFailure = await post();

    expect(whileWaiting.status).toBe(409);
    expect(problemIn(whileWaiting)).toMatchObject({
      code: 'ACE_ID_TAKEN',
      detail: expect.stringMatching(/^The recording .* has arrived already\./),
    });
    expect(afterFailure.status).toBe(201);
  });

  it('may be repeated while no upload of the recording is finished', async () => {
    const first = await createUpload(world.url, 5);
    const second = await createUpload(world.url, 5);

    expect(first).not.toBe(second);
  });
});

describe('a wrong request', () => {
  it.each([
    ['at an id that is none', '/..%2f..%2fledger.db', 404],
    ['at the id of a sidecar', '/0123456789abcdef0123456789abcdef.json', 404],
    ['at an unknown id', '/0123456789abcdef0123456789abcdef', 404],
  ])('is refused %s', async (_name, path, status) => {
    const response = await tusRequest(world.url + path, { method: 'DELETE' });

    expect(response.status).toBe(status);
    expect(problemIn(response).code).toBe('NOT_FOUND');
  });

  it('is refused at another address', async () => {
    const response = await tusRequest(new URL('/elsewhere', world.url).toString(), { method: 'POST' });

    expect(response.status).toBe(404);
  });

  it("is refused at an offset that is not the upload's", async () => {
    const url = await createUpload(world.url, 10);

    const response = await patch(url, 3, Buffer.from('345'));

    expect(problemIn(response)).toMatchObject({ status: 409, code: 'REQUEST_INVALID' });
    expect(await offsetOf(url)).toBe(0);
  });

  it('is refused with more bytes than were announced', async () => {
    const url = await createUpload(world.url, 5);

    const response = await patch(url, 0, Buffer.from('0123456789'));

    expect(problemIn(response)).toMatchObject({ status: 413, code: 'UPLOAD_TOO_LARGE' });
    expect(await offsetOf(url)).toBe(0);
  });
});

describe('what the tus server counts', () => {
  const counted = (name: string, code?: string) =>
    world.counts.list().find((each) => each.name === name && each.labels['code'] === code)?.value;

  it('is each byte that comes, while it comes, and each refusal by its code', async () => {
    const url = await createUpload(world.url, 300_000);
    await patch(url, 0, randomBytes(100_000));
    const first = counted('upload_bytes') ?? 0;
    await patch(url, 100_000, randomBytes(200_000));
    await tusRequest(world.url, { method: 'GET' });
    await head(`${world.url}/${'0'.repeat(32)}`);
    await tusRequest(world.url, {
      method: 'POST',
      headers: { 'upload-length': '0', 'upload-metadata': metadataHeader({ ace_id: 'empty' }) },
    });

    expect(first).toBeGreaterThan(100_000);
    expect((counted('upload_bytes') ?? 0) - first).toBeGreaterThan(200_000);
    await expect.poll(() => counted('upload_refusals', 'FILE_EMPTY')).toBe(1);
    expect(counted('upload_refusals', 'DOWNLOAD_GET_REFUSED')).toBe(1);
    expect(counted('upload_refusals', 'NOT_FOUND')).toBe(1);
  });

  it('is told once, and nothing of it is lost that comes while it is written', async () => {
    await tusRequest(world.url, { method: 'GET' });
    await expect.poll(() => counted('upload_refusals', 'DOWNLOAD_GET_REFUSED')).toBe(1);
    const told = world.counts.list();
    await tusRequest(world.url, { method: 'GET' });
    await expect.poll(() => counted('upload_refusals', 'DOWNLOAD_GET_REFUSED')).toBe(2);

    world.counts.written(told);

    expect(counted('upload_refusals', 'DOWNLOAD_GET_REFUSED')).toBe(1);
  });

  it('is how many connections are open', async () => {
    const { port, hostname } = new URL(world.url);
    const sockets = [connect(Number(port), hostname), connect(Number(port), hostname)];
    await expect.poll(() => world.counts.connections()).toBe(2);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => world.counts.connections()).toBe(0);
  });
});
