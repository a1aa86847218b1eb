import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { b2Fault } from '../../simulators/b2/errors.ts';
import { type B2Simulator, startB2Simulator } from '../../simulators/b2/simulator.ts';
import { type B2, createB2 } from '../../src/outside/b2/client.ts';
import { BODY_FAULTS, IDLE_TIMEOUT_MS, JSON_FAULTS, TRANSPORT_FAULTS } from '../support/transport-faults.ts';

const FILE_URLS = 'POST /b2api/*/b2_upload_file/*';
const PART_URLS = 'POST /b2api/*/b2_upload_part/*';
const { signal } = new AbortController();
const file = { fileName: 'zoom/2026/01/05/a.mp4', contentType: 'video/mp4', fileInfo: {} };

let simulator: B2Simulator;
let b2: B2;

beforeEach(async () => {
  simulator = await startB2Simulator({ absoluteMinimumPartSize: 10, recommendedPartSize: 20 });
  b2 = connect();
});

afterEach(() => simulator.close());

function connect(more: Partial<Parameters<typeof createB2>[0]> = {}): B2 {
  const { url: apiUrl, keyId, applicationKey, bucket } = simulator;
  return createB2({ apiUrl, keyId, applicationKey, bucket, idleTimeoutMs: IDLE_TIMEOUT_MS, ...more });
}

async function* chunksOf(text: string): AsyncGenerator<Buffer> {
  for (let at = 0; at < text.length; at += 8) yield Buffer.from(text.slice(at, at + 8));
}

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');
const body = (text: string) => ({ bytes: text.length, chunks: chunksOf(text), signal });
const uploadFile = (text = 'hello', more: object = {}) => b2.uploadFile({ ...file, ...body(text), ...more });
const startLargeFile = (fileName = file.fileName) => b2.startLargeFile({ ...file, fileName, signal });
const uploadPart = (fileId: string, partNumber: number, text: string) =>
  b2.uploadPart({ fileId, partNumber, ...body(text) });

/** Hides a file as a person would in B2's own pages. */
async function hide(fileName: string): Promise<void> {
  const basic = Buffer.from(`${simulator.keyId}:${simulator.applicationKey}`).toString('base64');
  const ask = async (call: string, headers: object, body?: object) =>
    (await (
      await fetch(`${simulator.url}/b2api/v2/${call}`, {
        method: 'POST',
        headers: { ...headers },
        body: body && JSON.stringify(body),
      })
    ).json()) as Record<string, unknown>;
  const { accountId, authorizationToken } = await ask('b2_authorize_account', {
    authorization: `Basic ${basic}`,
  });
  const asked = { authorization: String(authorizationToken) };
  const { buckets } = await ask('b2_list_buckets', asked, { accountId });
  const [{ bucketId } = { bucketId: '' }] = buckets as { bucketId: string }[];
  await ask('b2_hide_file', asked, { bucketId, fileName });
}

/** How often an operation was asked for. */
function count(operation: string): number {
  return simulator.requests.filter(({ path }) => path.includes(operation)).length;
}

describe('a small file', () => {
  it('arrives with its bytes, its name, its type and its info', async () => {
    const fileInfo = { src_last_modified_millis: '1767607860000', title: 'Algebra, group 2 + Ω' };

    const { fileId, sha1: sentSha1 } = await uploadFile('hello', { fileInfo });

    expect(sentSha1).toBe(sha1('hello'));
    const [stored] = await simulator.files();
    expect(stored).toMatchObject({ fileId, ...file, contentSha1: sha1('hello'), fileInfo });
    expect(await buffer(simulator.read(fileId))).toEqual(Buffer.from('hello'));
  });

  it('is announced with the length of its bytes and of the digest behind them', async () => {
    await uploadFile('hello');

    const sent = simulator.requests.find(({ path }) => path.includes('b2_upload_file'));
    expect(sent?.headers).toMatchObject({
      'content-length': '45',
      'x-bz-content-sha1': 'hex_digits_at_end',
    });
    expect(sent?.headers['transfer-encoding']).toBeUndefined();
    expect(sent?.requestBytes).toBe(45);
  });

  it.each(['a b', 'a+b', 'a,b', 'a&b', '自', 'a%2Fb', 'q?x#y', "A-Za-z0-9-._~!'()*:;=@$"])(
    'named %j keeps its name',
    async (fileName) => {
      const { fileId } = await uploadFile('hello', { fileName });

      expect(await b2.listVersions({ fileName, signal })).toMatchObject([{ fileId, fileName }]);
    },
  );

  it('may be empty', async () => {
    const { fileId } = await uploadFile('');

    expect(await b2.fileInfo({ fileId, signal })).toMatchObject({ bytes: 0, sha1: sha1('') });
  });
});

describe('a large file', () => {
  it('is made of its parts, under the id that it began with', async () => {
    const { fileId } = await startLargeFile();
    expect(await b2.fileInfo({ fileId, signal })).toMatchObject({ isFinished: false });
    expect(await b2.listVersions({ fileName: file.fileName, signal })).toEqual([]);

    const second = await uploadPart(fileId, 2, 'world');
    const first = await uploadPart(fileId, 1, 'hello, big ');
    await b2.finishLargeFile({ fileId, partSha1s: [first.sha1, second.sha1], signal });

    expect(await buffer(simulator.read(fileId))).toEqual(Buffer.from('hello, big world'));
    expect(await b2.listVersions({ fileName: file.fileName, signal })).toEqual([
      {
        fileId,
        fileName: file.fileName,
        bytes: 16,
        sha1: undefined,
        fileInfo: {},
        isFinished: true,
      },
    ]);
  });

  it('takes a part again in place of the first', async () => {
    const { fileId } = await startLargeFile();
    await uploadPart(fileId, 1, 'hello, bug ');
    await uploadPart(fileId, 1, 'hello, big ');

    expect(await b2.listParts({ fileId, signal })).toEqual(
      new Map([[1, { bytes: 11, sha1: sha1('hello, big ') }]]),
    );
  });

  it('lists more parts than one page holds', async () => {
    const { fileId } = await startLargeFile();
    const parts = (from: number, to: number | null) => ({
      parts: [{ partNumber: from, contentLength: 10, contentSha1: sha1(String(from)) }],
      nextPartNumber: to,
    });
    simulator.fail({ on: 'POST /b2api/*/b2_list_parts', status: 200, body: JSON.stringify(parts(1, 1001)) });
    simulator.fail({
      on: 'POST /b2api/*/b2_list_parts',
      status: 200,
      body: JSON.stringify(parts(1001, null)),
    });

    const listed = await b2.listParts({ fileId, signal });

    expect([...(listed?.keys() ?? [])]).toEqual([1, 1001]);
  });

  it('has no parts to list when B2 does not know it', async () => {
    const { fileId } = await startLargeFile();
    await b2.cancelLargeFile({ fileId, signal });

    expect(await b2.listParts({ fileId, signal })).toBeUndefined();
    expect(await b2.fileInfo({ fileId, signal })).toBeUndefined();
    expect(simulator.unfinished()).toEqual([]);
  });

  it('may be cancelled again', async () => {
    const { fileId } = await startLargeFile();
    await b2.cancelLargeFile({ fileId, signal });

    await expect(b2.cancelLargeFile({ fileId, signal })).resolves.toBeUndefined();
  });

  it('refuses to be finished again, and can be seen to be finished', async () => {
    const { fileId } = await startLargeFile();
    const partSha1s = [
      (await uploadPart(fileId, 1, 'hello, big ')).sha1,
      (await uploadPart(fileId, 2, 'world')).sha1,
    ];
    simulator.fail({ on: 'POST /b2api/*/b2_finish_large_file', drop: 'after-handling' });

    await expect(b2.finishLargeFile({ fileId, partSha1s, signal })).rejects.toMatchObject({
      code: 'REMOTE_UNAVAILABLE',
    });

    await expect(b2.finishLargeFile({ fileId, partSha1s, signal })).rejects.toMatchObject({
      code: 'REMOTE_REJECTED',
    });
    expect(await b2.fileInfo({ fileId, signal })).toMatchObject({ isFinished: true });
  });

  it('is found among the unfinished by the beginning of its name, over several pages, oldest first', async () => {
    const started: string[] = [];
    for (let n = 0; n < 103; n += 1) started.push((await startLargeFile(`zoom/${n}`)).fileId);
    await startLargeFile('manual/1');

    const found = await b2.listUnfinished({ namePrefix: 'zoom/', signal });

    expect(found.map(({ fileId }) => fileId)).toEqual(started);
    expect(found[0]).toMatchObject({ fileName: 'zoom/0', fileInfo: {}, startedAtMs: expect.any(Number) });
  });
});

describe('a file that was begun', () => {
  it.each([
    ['an hour ahead', 3_600_000],
    ['two days behind', -2 * 86_400_000],
  ])('is as old as it is, though B2 has a clock that is %s', async (_name, offsetMs) => {
    await startLargeFile();
    const begunAtMs = Date.now() - 600_000;
    simulator.fail({
      on: 'POST /b2api/*/b2_list_unfinished_large_files',
      status: 200,
      headers: { date: new Date(Date.now() + offsetMs).toUTCString() },
      body: JSON.stringify({
        files: [
          {
            fileId: '4_z',
            fileName: 'zoom/0',
            action: 'start',
            contentLength: 0,
            contentSha1: 'none',
            uploadTimestamp: begunAtMs + offsetMs,
          },
        ],
        nextFileId: null,
      }),
    });

    const [found] = await b2.listUnfinished({ namePrefix: 'zoom/', signal });

    expect(Math.abs((found?.startedAtMs ?? 0) - begunAtMs)).toBeLessThan(5000);
  });
});

describe('listVersions', () => {
  it('does not take a longer name for the one asked for', async () => {
    await uploadFile('hello', { fileName: 'zoom/a.mp4.bak' });
    await uploadFile('hello', { fileName: 'zoom/a.mp4/b' });

    expect(await b2.listVersions({ fileName: 'zoom/a.mp4', signal })).toEqual([]);
  });

  it('gives every finished version of a name, newest first, page by page, and those that are hidden', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 105; n += 1) ids.unshift((await uploadFile(String(n))).fileId);
    await uploadFile('hello', { fileName: `${file.fileName}.bak` });
    await startLargeFile();
    await hide(file.fileName);

    const found = await b2.listVersions({ fileName: file.fileName, signal });

    expect(found.map(({ fileId }) => fileId)).toEqual(ids);
    expect(count('b2_list_file_versions')).toBe(2);
  });
});

describe('the account', () => {
  it('is asked for once, and says how large parts should be', async () => {
    expect(await b2.partLimits({ signal })).toEqual({ recommendedPartBytes: 20, minPartBytes: 10 });
    await uploadFile();
    await startLargeFile();

    expect(count('b2_authorize_account')).toBe(1);
    expect(count('b2_list_buckets')).toBe(1);
  });

  it('is asked for once more when its token has run out, and the call goes on', async () => {
    await startLargeFile();
    simulator.expireAccountTokens();

    await expect(startLargeFile()).resolves.toMatchObject({ fileId: expect.any(String) });

    expect(count('b2_authorize_account')).toBe(2);
  });

  it('is not asked for again and again when no token is good', async () => {
    await startLargeFile();
    simulator.fail({
      ...b2Fault('POST /b2api/*/b2_start_large_file', 401, 'expired_auth_token'),
      count: 9,
    });

    await expect(startLargeFile()).rejects.toMatchObject({ code: 'REMOTE_UNAUTHORIZED', retry: 'backoff' });

    expect(count('b2_authorize_account')).toBe(2);
  });

  it.each([
    ['a wrong key', { applicationKey: 'wrong' }],
    ['a bucket that the key cannot see', { bucket: 'another-bucket' }],
  ])('with %s is worth another try once somebody has put it right', async (_name, wrong) => {
    const refused = { code: 'REMOTE_UNAUTHORIZED', retry: 'backoff' };

    await expect(connect(wrong).startLargeFile({ ...file, signal })).rejects.toMatchObject(refused);
  });

  it('is asked for anew after it could not be reached', async () => {
    simulator.fail({ on: 'GET /b2api/*/b2_authorize_account', status: 503 });
    await expect(startLargeFile()).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });

    await expect(startLargeFile()).resolves.toBeDefined();
  });

  it('never shows its key or token in a message', async () => {
    simulator.fail({ on: FILE_URLS, status: 503 });
    const error: unknown = await uploadFile().catch((caught) => caught);

    expect(String(error)).not.toContain(simulator.applicationKey);
    expect(JSON.stringify(error)).not.toContain('4_001');
  });
});

describe('an upload URL', () => {
  it('serves again after a success', async () => {
    await uploadFile();
    await uploadFile();
    const { fileId } = await startLargeFile();
    await uploadPart(fileId, 1, 'hello, big ');
    await uploadPart(fileId, 2, 'hello, big ');

    expect(count('b2_get_upload_url')).toBe(1);
    expect(count('b2_get_upload_part_url')).toBe(1);
  });

  it('serves one upload at a time', async () => {
    const { fileId } = await startLargeFile();

    await Promise.all([1, 2, 3].map((n) => uploadPart(fileId, n, 'hello, big ')));
    await Promise.all([1, 2, 3].map((n) => uploadPart(fileId, n, 'hello, big ')));

    expect(count('b2_get_upload_part_url')).toBe(3);
    expect(simulator.requests.every(({ status }) => status === 200)).toBe(true);
  });

  it.each([...TRANSPORT_FAULTS, ...BODY_FAULTS, ...JSON_FAULTS])(
    'is given up after %s',
    async (_name, fault) => {
      const { fileId } = await startLargeFile();
      simulator.fail({ on: PART_URLS, ...fault });

      await expect(uploadPart(fileId, 1, 'hello, big ')).rejects.toBeDefined();
      await expect(uploadPart(fileId, 1, 'hello, big ')).resolves.toEqual({ sha1: sha1('hello, big ') });

      const used = simulator.requests.filter(({ path }) => path.includes('b2_upload_part/'));
      expect(new Set(used.map(({ path }) => path)).size).toBe(used.length);
      expect(count('b2_get_upload_part_url')).toBe(2);
    },
  );

  it('whose token has run out is replaced', async () => {
    await uploadFile();
    simulator.expireUploadTokens();

    await expect(uploadFile()).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE', retry: 'backoff' });
    await expect(uploadFile()).resolves.toBeDefined();

    expect(count('b2_authorize_account')).toBe(1);
  });
});

describe('an upload', () => {
  it.each([...TRANSPORT_FAULTS, ...BODY_FAULTS, ...JSON_FAULTS])(
    'that meets %s',
    async (_name, fault, code, retry) => {
      simulator.fail({ on: FILE_URLS, ...fault });

      await expect(uploadFile()).rejects.toMatchObject({ code, retry });
    },
  );

  it.each([
    ['a token in use elsewhere', b2Fault(FILE_URLS, 400, 'auth_token_limit'), 'REMOTE_UNAVAILABLE'],
    ['a token that is not taken', b2Fault(FILE_URLS, 401, 'bad_auth_token'), 'REMOTE_UNAVAILABLE'],
    [
      'the digest of other bytes',
      {
        on: FILE_URLS,
        status: 200,
        body: JSON.stringify({
          fileId: '4_z',
          fileName: 'a',
          action: 'upload',
          contentLength: 5,
          contentSha1: sha1('jello'),
          uploadTimestamp: 1,
        }),
      },
      'TRANSFER_CORRUPT',
    ],
  ] as const)('that meets %s is tried again', async (_name, fault, code) => {
    simulator.fail(fault);

    await expect(uploadFile()).rejects.toMatchObject({ code, retry: 'backoff' });
  });

  it.each([
    ['Sha1 did not match data received', 'bad_request'],
    ['Checksum did not match data received', 'bad_request'],
    ['more than one upload using auth token', 'bad_request'],
    ['The Content-MD5 you specified did not match what we received', 'bad_digest'],
    ['Prüfsumme falsch', undefined],
    ['', undefined],
  ])('that is refused once with %j is tried again', async (message, code) => {
    const status = 400;
    simulator.fail({ on: FILE_URLS, status, body: JSON.stringify({ status, code, message }) });

    await expect(uploadFile()).rejects.toMatchObject({ code: 'TRANSFER_CORRUPT', retry: 'backoff' });
    await expect(uploadFile()).resolves.toBeDefined();
  });

  it.each(['cap_exceeded', 'storage_cap_exceeded', 'transaction_cap_exceeded'])(
    'that meets %s leaves the account alone for a quarter of an hour',
    async (code) => {
      simulator.fail(b2Fault(FILE_URLS, 403, code));

      await expect(uploadFile()).rejects.toMatchObject({
        code: 'REMOTE_CAP_EXCEEDED',
        retry: { waitMs: 900_000 },
      });
    },
  );

  it('that is refused for its name is not tried again', async () => {
    await expect(uploadFile('hello', { fileName: 'a//b' })).rejects.toMatchObject({
      code: 'REMOTE_REJECTED',
      retry: 'never',
    });
  });

  it('ends with the reason of its signal', async () => {
    const stopping = new AbortController();
    simulator.fail({ on: FILE_URLS, stall: true });

    const uploading = b2.uploadFile({ ...file, ...body('hello'), signal: stopping.signal });
    await vi.waitFor(() => expect(count('b2_get_upload_url')).toBe(1));
    stopping.abort(new Error('shutdown'));

    await expect(uploading).rejects.toThrow('shutdown');
  });

  it('fails with the error of its source, and leaves nothing behind', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('hel');
      throw new Error('the disk is gone');
    }

    const uploading = b2.uploadFile({ ...file, bytes: 5, chunks: broken(), signal });

    await expect(uploading).rejects.toThrow('the disk is gone');
    expect(await simulator.files()).toEqual([]);
  });

  it('is not sent to its end once B2 has refused it, and its source is let go', async () => {
    const many = 200_000;
    let sent = 0;
    let isReleased = false;
    async function* endless(): AsyncGenerator<Buffer> {
      try {
        for (; sent < many; sent += 1) yield Buffer.alloc(65_536);
      } finally {
        isReleased = true;
      }
    }
    simulator.fail({ on: FILE_URLS, status: 503 });

    const uploading = b2.uploadFile({ ...file, bytes: many * 65_536, chunks: endless(), signal });

    await expect(uploading).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    expect(sent).toBeLessThan(many);
    expect(isReleased).toBe(true);
  });
});

describe('a refusal that says nothing', () => {
  const odd = (call: string) => ({ ...b2Fault(`POST /b2api/*/${call}`, 400, 'bad_request') });

  it('is not taken for the absence of what was asked for', async () => {
    const { fileId } = await uploadFile();
    const { fileId: largeId } = await startLargeFile();
    for (const call of [
      'b2_list_parts',
      'b2_cancel_large_file',
      'b2_get_file_info',
      'b2_delete_file_version',
    ])
      simulator.fail(odd(call));
    const refused = { code: 'REMOTE_REJECTED', retry: 'backoff' };

    await expect(b2.fileInfo({ fileId, signal })).rejects.toMatchObject(refused);
    await expect(b2.listParts({ fileId: largeId, signal })).rejects.toMatchObject(refused);
    await expect(b2.cancelLargeFile({ fileId: largeId, signal })).rejects.toMatchObject(refused);
    const deleting = b2.deleteFile({ fileId, fileName: file.fileName, signal });
    await expect(deleting).rejects.toMatchObject(refused);
  });

  it('is one where the file is gone', async () => {
    const { fileId: doneId } = await uploadFile();
    const { fileId } = await startLargeFile();
    await b2.cancelLargeFile({ fileId, signal });
    await b2.deleteFile({ fileId: doneId, fileName: file.fileName, signal });

    expect(await b2.listParts({ fileId, signal })).toBeUndefined();
    await b2.cancelLargeFile({ fileId, signal });
    await b2.deleteFile({ fileId: doneId, fileName: file.fileName, signal });
    expect(await b2.fileInfo({ fileId: doneId, signal })).toBeUndefined();
  });
});

describe('a call', () => {
  it.each([...TRANSPORT_FAULTS, ...JSON_FAULTS])('that meets %s', async (_name, fault, code, retry) => {
    await startLargeFile();
    simulator.fail({ on: 'POST /b2api/*/b2_start_large_file', ...fault });

    await expect(startLargeFile()).rejects.toMatchObject({ code, retry });
  });

  it.each([
    [400, 'bad_request', 'REMOTE_REJECTED', 'backoff'],
    [400, 'out_of_range', 'REMOTE_REJECTED', 'backoff'],
    [400, 'invalid_file_info', 'REMOTE_REJECTED', 'never'],
    [409, 'conflict', 'REMOTE_REJECTED', 'backoff'],
    [401, 'unauthorized', 'REMOTE_UNAUTHORIZED', 'backoff'],
    [403, 'access_denied', 'REMOTE_UNAUTHORIZED', 'backoff'],
    [403, 'cap_exceeded', 'REMOTE_CAP_EXCEEDED', { waitMs: 900_000 }],
    [404, 'not_found', 'REMOTE_REJECTED', 'backoff'],
  ] as const)('that meets %i %s', async (status, b2Code, code, retry) => {
    simulator.fail(b2Fault('POST /b2api/*/b2_start_large_file', status, b2Code));

    await expect(startLargeFile()).rejects.toMatchObject({ code, retry, details: { status, b2Code } });
  });

  it('to a port where nobody listens is worth another try', async () => {
    const nowhere = connect({ apiUrl: 'http://127.0.0.1:9' });

    await expect(nowhere.partLimits({ signal })).rejects.toMatchObject({
      code: 'REMOTE_UNAVAILABLE',
      retry: 'backoff',
    });
  });
});

describe('the key', () => {
  it('tells what it may do', async () => {
    const all = await b2.keyRights({ signal });
    expect(all.namePrefix).toBeUndefined();
    expect(all.capabilities).toEqual(expect.arrayContaining(['listBuckets', 'writeFiles', 'deleteFiles']));

    await simulator.close();
    const capabilities = ['listBuckets', 'readFiles'];
    simulator = await startB2Simulator({ capabilities });
    b2 = connect();
    expect(await b2.keyRights({ signal })).toEqual({ capabilities, namePrefix: undefined });
    await expect(uploadFile()).rejects.toMatchObject({ code: 'REMOTE_UNAUTHORIZED' });
  });

  it('is refused where it does not see the bucket', async () => {
    b2 = connect({ bucket: 'another-bucket' });

    await expect(b2.keyRights({ signal })).rejects.toMatchObject({
      code: 'REMOTE_UNAUTHORIZED',
      message: expect.stringContaining('another-bucket'),
    });
  });
});
