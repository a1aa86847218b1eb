import { createHash, randomBytes } from 'node:crypto';
import B2 from 'backblaze-b2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type B2Simulator, startB2Simulator } from '../../simulators/b2/simulator.ts';

const PART_BYTES = 5_000_000;
const sha1 = (data: Buffer) => createHash('sha1').update(data).digest('hex');

/** The npm client that most programs for Node take meets the simulator. */
describe('backblaze-b2 against the B2 simulator', () => {
  let b2: B2Simulator;
  let client: B2;
  let bucketId: string;
  const small = Buffer.from('a small recording\n');
  const parts = [randomBytes(PART_BYTES), randomBytes(PART_BYTES), randomBytes(17)] as const;
  const large = Buffer.concat(parts);

  beforeAll(async () => {
    b2 = await startB2Simulator();
    client = new B2({ applicationKeyId: b2.keyId, applicationKey: b2.applicationKey, retry: { retries: 0 } });
    await client.authorize({ axiosOverride: { url: `${b2.url}/b2api/v2/b2_authorize_account` } });
    const { data } = await client.getBucket({ bucketName: b2.bucket });
    bucketId = data.buckets[0].bucketId;
  });

  afterAll(() => b2?.close());

  async function upload(fileName: string, data: Buffer, more: object = {}) {
    const { data: target } = await client.getUploadUrl({ bucketId });
    const { uploadUrl, authorizationToken: uploadAuthToken } = target;
    return (await client.uploadFile({ uploadUrl, uploadAuthToken, fileName, data, ...more })).data;
  }

  async function startWithParts(fileName: string, contents: readonly Buffer[]) {
    const { data: started } = await client.startLargeFile({ bucketId, fileName, contentType: 'video/mp4' });
    const { fileId } = started;
    const { data: target } = await client.getUploadPartUrl({ fileId });
    for (const [index, data] of contents.entries()) {
      const { uploadUrl, authorizationToken: uploadAuthToken } = target;
      await client.uploadPart({ uploadUrl, uploadAuthToken, partNumber: index + 1, data });
    }
    return started;
  }

  const refusal = (status: number, code: string) => ({ response: { status, data: { status, code } } });

  it('uploads a small file with its info, and tells of it as of a file without locks', async () => {
    const told = await upload('class/small ä+.txt', small, {
      mime: 'text/plain',
      info: { recording: 'ä b' },
    });

    const expected = {
      fileName: 'class/small ä+.txt',
      action: 'upload',
      contentLength: small.length,
      contentSha1: sha1(small),
      contentType: 'text/plain',
      fileInfo: { recording: 'ä b' },
      fileRetention: { isClientAuthorizedToRead: true, value: { mode: null, retainUntilTimestamp: null } },
      legalHold: { isClientAuthorizedToRead: true, value: null },
    };
    expect(told).toMatchObject(expected);
    expect((await client.getFileInfo({ fileId: told.fileId })).data).toMatchObject(expected);
  });

  it('refuses a file whose hash is another one, and keeps nothing of it', async () => {
    const wrong = upload('class/wrong.txt', small, { hash: sha1(Buffer.from('other')) });

    await expect(wrong).rejects.toMatchObject(refusal(400, 'bad_request'));
    expect((await b2.files()).map(({ fileName }) => fileName)).not.toContain('class/wrong.txt');
  });

  it('uploads a large file in parts, of which one is sent twice', async () => {
    const started = await startWithParts('class/large.mp4', [parts[0], parts[1], parts[2]]);
    expect(started).toMatchObject({ action: 'start', contentLength: 0, contentSha1: 'none' });
    const { fileId } = started;
    const { data: again } = await client.getUploadPartUrl({ fileId });
    const { uploadUrl, authorizationToken: uploadAuthToken } = again;
    await client.uploadPart({ uploadUrl, uploadAuthToken, partNumber: 2, data: parts[1] });
    const { data: listed } = await client.listParts({ fileId, startPartNumber: 0, maxPartCount: 2 });
    expect(listed).toMatchObject({ nextPartNumber: 3 });
    expect(listed.parts.map((part: { contentSha1: string }) => part.contentSha1)).toEqual(
      parts.slice(0, 2).map(sha1),
    );

    const { data: finished } = await client.finishLargeFile({ fileId, partSha1Array: parts.map(sha1) });

    expect(finished).toMatchObject({ fileId, action: 'upload', contentLength: large.length });
    expect((await b2.files()).at(-1)).toMatchObject({ fileId, parts: 3, wholeSha1: sha1(large) });
    expect(b2.unfinished()).toEqual([]);
  });

  it('will not finish a large file whose parts have other hashes, and cancels it once', async () => {
    const { fileId } = await startWithParts('class/half.mp4', [parts[0], parts[2]]);

    const finished = client.finishLargeFile({ fileId, partSha1Array: [sha1(parts[0]), sha1(parts[1])] });
    await expect(finished).rejects.toMatchObject(refusal(400, 'bad_request'));
    expect((await client.cancelLargeFile({ fileId })).data).toMatchObject({ fileId, bucketId });
    await expect(client.cancelLargeFile({ fileId })).rejects.toMatchObject(refusal(400, 'bad_request'));
    await expect(client.listParts({ fileId })).rejects.toMatchObject({ response: { status: 400 } });
    expect(b2.unfinished()).toEqual([]);
  });

  it('downloads by name and by id, whole and by range', async () => {
    const { fileId = '' } = (await b2.files()).at(-1) ?? {};
    const responseType = 'arraybuffer';

    const whole = await client.downloadFileByName({
      bucketName: b2.bucket,
      fileName: 'class/small ä+.txt',
      responseType,
    });
    expect(Buffer.from(whole.data)).toEqual(small);
    expect(whole.headers).toMatchObject({ 'x-bz-content-sha1': sha1(small), 'content-type': 'text/plain' });
    const middle = await client.downloadFileById({
      fileId,
      responseType,
      axios: { headers: { Range: 'bytes=4999990-5000010' } },
    });
    expect(middle).toMatchObject({
      status: 206,
      headers: { 'content-range': expect.stringMatching(/^bytes /) },
    });
    expect(Buffer.from(middle.data)).toEqual(large.subarray(4_999_990, 5_000_011));
    const behind = client.downloadFileById({ fileId, axios: { headers: { Range: 'bytes=99999999-' } } });
    await expect(behind).rejects.toMatchObject({ response: { status: 416 } });
  });

  it('lists names and versions a page at a time, also from a version that is gone meanwhile', async () => {
    const second = await upload('class/small ä+.txt', Buffer.from('second'));
    await upload('class/small ä+.txt', Buffer.from('third'));
    const { data: names } = await client.listFileNames({ bucketId, prefix: 'class/', maxFileCount: 1 });
    expect(names).toMatchObject({
      files: [{ fileName: 'class/large.mp4' }],
      nextFileName: 'class/small ä+.txt',
    });
    expect((await client.listFileNames({ bucketId, delimiter: '/' })).data.files).toMatchObject([
      { action: 'folder', fileName: 'class/' },
    ]);

    const { data: page } = await client.listFileVersions({ bucketId, maxFileCount: 2 });
    expect(page).toMatchObject({ nextFileName: 'class/small ä+.txt', nextFileId: second.fileId });
    await client.deleteFileVersion({ fileId: second.fileId, fileName: second.fileName });
    const { nextFileName: startFileName, nextFileId: startFileId } = page;
    const { data: rest } = await client.listFileVersions({ bucketId, startFileName, startFileId });
    expect(rest.files).toMatchObject([{ contentSha1: sha1(small) }]);
  });

  it('hides a name and deletes for good', async () => {
    const { data: marker } = await client.hideFile({ bucketId, fileName: 'class/small ä+.txt' });
    expect(marker).toMatchObject({ action: 'hide', contentLength: 0 });
    expect(marker).not.toHaveProperty('fileRetention');
    const again = client.hideFile({ bucketId, fileName: 'class/small ä+.txt' });
    await expect(again).rejects.toMatchObject(refusal(400, 'already_hidden'));
    expect((await client.listFileNames({ bucketId })).data.files).toMatchObject([
      { fileName: 'class/large.mp4' },
    ]);

    for (const { fileId, fileName } of await b2.files()) await client.deleteFileVersion({ fileId, fileName });

    expect(await b2.files()).toEqual([]);
    const gone = client.deleteFileVersion({ fileId: marker.fileId, fileName: marker.fileName });
    await expect(gone).rejects.toMatchObject(refusal(400, 'file_not_present'));
  });
});
