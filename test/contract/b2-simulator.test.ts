import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { b2Fault } from '../../simulators/b2/errors.ts';
import {
  type B2Simulator,
  type B2SimulatorOptions,
  startB2Simulator,
} from '../../simulators/b2/simulator.ts';

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely here
  readonly json: any;
}

interface UploadUrl {
  readonly uploadUrl: string;
  readonly authorizationToken: string;
}

const sha1 = (data: string | Buffer) => createHash('sha1').update(data).digest('hex');

let directory: string;
let b2: B2Simulator;
let token: string;
let accountId: string;
let bucketId: string;

/** Starts the simulator with tiny parts and learns what every client has to know first. */
async function start(options: B2SimulatorOptions = {}): Promise<void> {
  b2 = await startB2Simulator({
    directory,
    absoluteMinimumPartSize: 10,
    recommendedPartSize: 20,
    ...options,
  });
  const authorized = (await authorize(3)).json;
  token = authorized.authorizationToken;
  accountId = authorized.accountId;
  bucketId = (await api('b2_list_buckets', { accountId })).json.buckets[0].bucketId;
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'b2-contract-'));
  await start();
});

afterEach(async () => {
  await b2.close();
  await rm(directory, { recursive: true, force: true });
});

function http(
  method: string,
  url: string,
  headers: OutgoingHttpHeaders = {},
  body?: string | Buffer,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (response) => {
      buffer(response).then((bytes) => {
        const isJson = response.headers['content-type'] === 'application/json' && bytes.length > 0;
        const json = isJson ? JSON.parse(bytes.toString('utf8')) : undefined;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, json });
      }, reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function authorize(version: number, key = 'b2-application-key'): Promise<Reply> {
  const basic = `Basic ${Buffer.from(`b2-key-id:${key}`).toString('base64')}`;
  return http('GET', `${b2.url}/b2api/v${version}/b2_authorize_account`, { authorization: basic });
}

function api(name: string, fields: object, { version = 3, auth = token } = {}): Promise<Reply> {
  return http('POST', `${b2.url}/b2api/v${version}/${name}`, { authorization: auth }, JSON.stringify(fields));
}

async function uploadUrl(): Promise<UploadUrl> {
  return (await api('b2_get_upload_url', { bucketId })).json;
}

async function partUrl(fileId: string): Promise<UploadUrl> {
  return (await api('b2_get_upload_part_url', { fileId })).json;
}

function fileHeaders(to: UploadUrl, name: string, content: string | Buffer): OutgoingHttpHeaders {
  return {
    authorization: to.authorizationToken,
    'content-length': Buffer.byteLength(content),
    'content-type': 'video/mp4',
    'x-bz-file-name': name,
    'x-bz-content-sha1': sha1(content),
  };
}

function putFile(to: UploadUrl, name: string, content: string | Buffer, headers: OutgoingHttpHeaders = {}) {
  return http('POST', to.uploadUrl, { ...fileHeaders(to, name, content), ...headers }, content);
}

async function upload(name: string, content: string, headers: OutgoingHttpHeaders = {}): Promise<Reply> {
  return putFile(await uploadUrl(), name, content, headers);
}

async function startLarge(fileName: string, fileInfo: object = {}): Promise<string> {
  const started = await api('b2_start_large_file', {
    bucketId,
    fileName,
    contentType: 'video/mp4',
    fileInfo,
  });
  return started.json.fileId;
}

async function putPart(fileId: string, partNumber: number, content: string): Promise<Reply> {
  const to = await partUrl(fileId);
  const headers = {
    authorization: to.authorizationToken,
    'content-length': Buffer.byteLength(content),
    'x-bz-part-number': partNumber,
    'x-bz-content-sha1': sha1(content),
  };
  return http('POST', to.uploadUrl, headers, content);
}

const names = async (fields: object = {}) =>
  (await api('b2_list_file_names', { bucketId, ...fields })).json.files.map(
    (file: { fileName: string }) => file.fileName,
  );

describe('authorizing', () => {
  it.each([1, 2])('answers v%i flat, with the rights under allowed', async (version) => {
    const { status, json } = await authorize(version);

    expect(status).toBe(200);
    expect(json).toMatchObject({
      accountId,
      apiUrl: b2.url,
      downloadUrl: b2.url,
      recommendedPartSize: 20,
      absoluteMinimumPartSize: 10,
      allowed: { bucketId: null, bucketName: null, namePrefix: null },
    });
    expect(json.allowed.capabilities).toContain('writeFiles');
  });

  it('answers v3 with the rights in apiInfo.storageApi itself', async () => {
    const { json } = await authorize(3);

    expect(json.apiUrl).toBeUndefined();
    expect(json.apiInfo.storageApi).toMatchObject({
      infoType: 'storageApi',
      apiUrl: b2.url,
      bucketId: null,
      absoluteMinimumPartSize: 10,
    });
    expect(json.apiInfo.storageApi.capabilities).toContain('listFiles');
  });

  it('answers v4 with the rights in apiInfo.storageApi.allowed', async () => {
    const { json } = await authorize(4);

    expect(json.apiInfo.storageApi).toMatchObject({
      apiUrl: b2.url,
      allowed: { buckets: null, namePrefix: null },
    });
    expect(json.apiInfo.storageApi.capabilities).toBeUndefined();
  });

  it('reports the sizes of the real service unless told otherwise', async () => {
    await b2.close();
    b2 = await startB2Simulator();

    expect((await authorize(2)).json).toMatchObject({
      recommendedPartSize: 100_000_000,
      absoluteMinimumPartSize: 5_000_000,
    });
  });

  it('refuses a wrong key with 401 unauthorized', async () => {
    const { status, json } = await authorize(3, 'wrong');

    expect(json).toEqual({ status: 401, code: 'unauthorized', message: expect.any(String) });
    expect(status).toBe(401);
  });
});

describe('tokens', () => {
  it('refuses an account token on an upload URL, and an upload token on the API or on another upload URL', async () => {
    const one = await uploadUrl();
    const other = await uploadUrl();

    const replies = [
      await putFile({ ...one, authorizationToken: token }, 'a', 'x'),
      await putFile({ ...one, authorizationToken: other.authorizationToken }, 'a', 'x'),
      await api('b2_list_file_names', { bucketId }, { auth: one.authorizationToken }),
    ];

    expect(one.uploadUrl).not.toBe(other.uploadUrl);
    expect(replies.map(({ json }) => [json.status, json.code])).toEqual(
      Array.from({ length: 3 }, () => [401, 'bad_auth_token']),
    );
  });

  it('answers expired tokens with 401 expired_auth_token until new ones are fetched', async () => {
    const to = await uploadUrl();

    b2.expireUploadTokens();
    expect((await putFile(to, 'a', 'x')).json).toMatchObject({ status: 401, code: 'expired_auth_token' });
    expect((await upload('a', 'x')).status).toBe(200);

    b2.expireAccountTokens();
    expect((await api('b2_get_upload_url', { bucketId })).json).toMatchObject({ code: 'expired_auth_token' });
    token = (await authorize(3)).json.authorizationToken;
    expect((await api('b2_get_upload_url', { bucketId })).status).toBe(200);
  });

  it('lets tokens expire by their time to live', async () => {
    await b2.close();
    b2 = await startB2Simulator({ accountTokenTtlMs: 0 });
    const auth = (await authorize(3)).json.authorizationToken;

    expect((await api('b2_list_buckets', { accountId }, { auth })).json.code).toBe('expired_auth_token');
  });

  it('lets an upload URL be used again and again, but by one upload at a time', async () => {
    const to = await uploadUrl();
    const headers = { ...fileHeaders(to, 'slow', 'slow'), expect: '100-continue' };
    const slow = request(to.uploadUrl, { method: 'POST', headers });
    const answered = new Promise<number>((resolve, reject) => {
      slow.on('error', reject);
      slow.on('response', (response) => resolve(response.resume().statusCode ?? 0));
    });
    await new Promise((resolve) => {
      slow.on('continue', resolve);
      slow.flushHeaders();
    });

    expect((await putFile(to, 'second', 'x')).json).toMatchObject({ status: 400, code: 'auth_token_limit' });
    slow.end('slow');
    expect(await answered).toBe(200);
    expect((await putFile(to, 'third', 'x')).status).toBe(200);
    expect(await names()).toEqual(['slow', 'third']);
  });
});

describe('faults on an upload URL', () => {
  it.each([
    ['a 503', { status: 503 }],
    ['a reset before the upload', { drop: 'before-handling' }],
    ['a reset during the upload', { drop: 'during-body', cutAfterBytes: 1 }],
    ['an answer lost after the upload', { drop: 'after-handling' }],
  ] as const)('make it answer 503 for good: %s', async (_name, fault) => {
    const to = await uploadUrl();
    b2.fail({ on: 'POST /b2api/*/b2_upload_file/*', ...fault });

    await putFile(to, 'a', 'content').catch(() => {});

    expect((await putFile(to, 'a', 'content')).json).toMatchObject({
      status: 503,
      code: 'service_unavailable',
    });
    expect((await upload('a', 'content')).status).toBe(200);
    const stored = await b2.files();
    expect(stored).toHaveLength('drop' in fault && fault.drop === 'after-handling' ? 2 : 1);
    expect(await readdir(directory)).toHaveLength(stored.length);
  });

  it('leave it usable when they only slow it down', async () => {
    const to = await uploadUrl();
    b2.fail({ on: 'POST /b2api/*/b2_upload_file/*', delayMs: 5, bytesPerSecond: 1_000_000 });

    expect((await putFile(to, 'a', 'x')).status).toBe(200);
    expect((await putFile(to, 'a', 'y')).status).toBe(200);
  });

  it('carry B2 bodies and Retry-After on any call', async () => {
    b2.fail(b2Fault('POST /b2api/*/b2_get_upload_url', 403, 'cap_exceeded'));
    b2.fail(
      b2Fault('POST /b2api/*/b2_get_upload_url', 429, 'too_many_requests', {
        headers: { 'retry-after': '2' },
      }),
    );

    expect((await api('b2_get_upload_url', { bucketId })).json).toMatchObject({
      status: 403,
      code: 'cap_exceeded',
    });
    const throttled = await api('b2_get_upload_url', { bucketId });
    expect(throttled.json.code).toBe('too_many_requests');
    expect(throttled.headers['retry-after']).toBe('2');
  });
});

describe('uploading a file', () => {
  it('stores it under its name with its type, checksum and info', async () => {
    const { status, json } = await upload('class%2Fa%2Bb+c.mp4', 'content', {
      'x-bz-info-Title': 'W%C3%B6rter+und',
    });

    expect(status).toBe(200);
    expect(json).toMatchObject({
      accountId,
      bucketId,
      action: 'upload',
      fileName: 'class/a+b c.mp4',
      contentLength: 7,
      contentType: 'video/mp4',
      contentSha1: sha1('content'),
      fileInfo: { title: 'Wörter und' },
      fileRetention: expect.anything(),
      legalHold: expect.anything(),
      serverSideEncryption: expect.anything(),
    });
    const [file] = await b2.files();
    expect(file).toMatchObject({ fileId: json.fileId, wholeSha1: sha1('content'), parts: 1 });
    expect((await buffer(b2.read(json.fileId))).toString()).toBe('content');
  });

  it('accepts the checksum in the header, at the end of the body, or none at all, and an empty file', async () => {
    const atEnd = await upload('end', `content${sha1('content')}`, {
      'x-bz-content-sha1': 'hex_digits_at_end',
    });
    const unverified = await upload('none', 'content', { 'x-bz-content-sha1': 'do_not_verify' });
    const empty = await upload('empty', '');

    expect(atEnd.json).toMatchObject({ contentLength: 7, contentSha1: sha1('content') });
    expect(unverified.json.contentSha1).toBe(`unverified:${sha1('content')}`);
    expect(empty.json).toMatchObject({ contentLength: 0, contentSha1: sha1('') });
    expect((await buffer(b2.read(atEnd.json.fileId))).toString()).toBe('content');
  });

  it.each([
    ['a wrong checksum', 'x', { 'x-bz-content-sha1': sha1('y') }, 'Sha1 did not match data received'],
    [
      'a wrong checksum at the end',
      `x${sha1('y')}`,
      { 'x-bz-content-sha1': 'hex_digits_at_end' },
      'Sha1 did not',
    ],
    ['a body shorter than its checksum', 'x', { 'x-bz-content-sha1': 'hex_digits_at_end' }, 'too small'],
    ['something else as checksum', 'x', { 'x-bz-content-sha1': 'abc' }, 'not a SHA-1'],
    ['no checksum', 'x', { 'x-bz-content-sha1': '' }, 'x-bz-content-sha1 is missing'],
    ['no content type', 'x', { 'content-type': '' }, 'content-type is missing'],
    ['more than 5 billion bytes', 'x', { 'content-length': 5_000_000_001 }, 'at most 5000000000 bytes'],
    ['a header that describes the download', 'x', { expires: '0' }, 'expires must not be sent'],
  ])('refuses %s with 400 bad_request and keeps nothing', async (_name, content, headers, message) => {
    const { json } = await upload('a', content, headers);

    expect(json).toEqual({ status: 400, code: 'bad_request', message: expect.stringContaining(message) });
    expect(await b2.files()).toEqual([]);
    expect(await readdir(directory)).toEqual([]);
  });

  it('refuses chunked transfer encoding', async () => {
    const to = await uploadUrl();
    const { 'content-length': _, ...headers } = fileHeaders(to, 'a', 'x');

    const reply = await http('POST', to.uploadUrl, { ...headers, 'transfer-encoding': 'chunked' }, 'x');

    expect(reply.json).toMatchObject({ status: 400, message: expect.stringContaining('chunked') });
  });

  it('keeps nothing of a body that ends before its Content-Length', async () => {
    const to = await uploadUrl();
    const sent = request(to.uploadUrl, { method: 'POST', headers: fileHeaders(to, 'a', 'content') });
    const reset = new Promise((resolve) => sent.on('error', resolve));
    sent.write('cont', () => sent.destroy(new Error('enough')));
    await reset;

    await expect.poll(() => b2.requests.at(-1)?.path).toBe(new URL(to.uploadUrl).pathname);
    await expect.poll(() => readdir(directory)).toEqual([]);
    expect(await b2.files()).toEqual([]);
  });

  it.each([
    ['an empty segment', 'a//b'],
    ['a slash in front', '/a'],
    ['a slash at the end', 'a/'],
    ['a parent folder', 'a/../b'],
    ['a control character', 'a%0Ab'],
    ['a backslash', 'a%5Cb'],
    ['a segment of 251 bytes', 'a'.repeat(251)],
    ['1025 bytes', `${`${'a'.repeat(204)}/`.repeat(5)}`.slice(0, 1023).concat('%C3%A4')],
  ])('refuses a name with %s', async (_name, name) => {
    expect((await upload(name, 'x')).json).toMatchObject({ status: 400, code: 'invalid_file_name' });
    const large = { bucketId, fileName: decodeURIComponent(name), contentType: 'video/mp4' };
    expect((await api('b2_start_large_file', large)).json).toMatchObject({ code: 'invalid_file_name' });
  });

  it.each([
    ['a name of 51 bytes', { ['k'.repeat(51)]: 'v' }],
    ['a reserved name', { 'b2-mine': 'v' }],
    ['more than 7000 bytes in all', { a: 'v'.repeat(3500), b: 'v'.repeat(3500) }],
  ])('refuses file info with %s', async (_name, info) => {
    const headers = Object.fromEntries(
      Object.entries(info).map(([key, value]) => [`x-bz-info-${key}`, value]),
    );

    expect((await upload('a', 'x', headers)).json).toMatchObject({ status: 400, code: 'invalid_file_info' });
    const large = { bucketId, fileName: 'a', contentType: 'video/mp4', fileInfo: info };
    expect((await api('b2_start_large_file', large)).json).toMatchObject({ code: 'invalid_file_info' });
  });

  it('finds the content type by the extension for b2/x-auto', async () => {
    expect((await upload('a.mp4', 'x', { 'content-type': 'b2/x-auto' })).json.contentType).toBe('video/mp4');
  });
});

describe('uploading a large file', () => {
  const parts = ['first part', 'second part', 'end'];
  const sha1s = parts.map(sha1);

  async function uploadAll(fileId: string): Promise<void> {
    for (const [index, content] of [...parts.entries()].reverse()) await putPart(fileId, index + 1, content);
  }

  it('shows it only once it is finished, under the id it was started with', async () => {
    const started = await api('b2_start_large_file', {
      bucketId,
      fileName: 'big',
      contentType: 'video/mp4',
      fileInfo: { large_file_sha1: sha1(parts.join('')) },
    });
    const { fileId } = started.json;
    await uploadAll(fileId);
    expect(started.json).toMatchObject({ action: 'start', contentLength: 0, contentSha1: 'none' });
    expect((await api('b2_get_file_info', { fileId })).json.action).toBe('start');
    expect(await names()).toEqual([]);
    expect(b2.unfinished()).toMatchObject([
      { fileId, parts: [{ partNumber: 1 }, { partNumber: 2 }, { partNumber: 3 }] },
    ]);

    const finished = await api('b2_finish_large_file', { fileId, partSha1Array: sha1s });

    expect(finished.json).toMatchObject({ fileId, action: 'upload', contentLength: 24, contentSha1: 'none' });
    expect(await names()).toEqual(['big']);
    expect(b2.unfinished()).toEqual([]);
    expect(await b2.files()).toMatchObject([{ fileId, wholeSha1: sha1(parts.join('')), parts: 3 }]);
    expect((await buffer(b2.read(fileId))).toString()).toBe(parts.join(''));
  });

  it('answers a second finish with 400, after which the file info tells that the first one worked', async () => {
    const fileId = await startLarge('big');
    await uploadAll(fileId);
    b2.fail({ on: 'POST /b2api/*/b2_finish_large_file', drop: 'after-handling' });

    await expect(api('b2_finish_large_file', { fileId, partSha1Array: sha1s })).rejects.toThrow();

    const again = await api('b2_finish_large_file', { fileId, partSha1Array: sha1s });
    expect(again.json).toMatchObject({ status: 400, code: 'bad_request' });
    expect((await api('b2_get_file_info', { fileId })).json).toMatchObject({
      action: 'upload',
      contentLength: 24,
    });
  });

  it.each([
    ['an unknown id', [1, 2, 3], sha1s, { fileId: '4_zunknown' }],
    ['a missing part', [1, 3], [sha1s[0], sha1s[2]], {}],
    ['too few checksums', [1, 2, 3], sha1s.slice(0, 2), {}],
    ['a wrong checksum', [1, 2, 3], [sha1s[0], sha1s[0], sha1s[2]], {}],
    ['a part too small before the last', [1, 2, 3], [sha1s[2], sha1s[1], sha1s[2]], { first: 'end' }],
    ['a single part', [1], [sha1s[0]], {}],
  ])(
    'refuses to finish with %s',
    async (_name, numbers, partSha1Array, { fileId, first }: Record<string, string>) => {
      const id = await startLarge('big');
      for (const number of numbers) {
        await putPart(id, number, number === 1 && first ? first : (parts[number - 1] ?? ''));
      }

      const { json } = await api('b2_finish_large_file', { fileId: fileId ?? id, partSha1Array });

      expect(json).toMatchObject({ status: 400, code: 'bad_request' });
      expect(b2.unfinished()).toHaveLength(1);
    },
  );

  it('lets a part uploaded again take the place of the first', async () => {
    const fileId = await startLarge('big');
    await putPart(fileId, 1, 'to be replaced');
    await uploadAll(fileId);

    expect((await api('b2_list_parts', { fileId })).json.parts).toMatchObject(
      parts.map((content, index) => ({
        partNumber: index + 1,
        contentLength: content.length,
        contentSha1: sha1(content),
      })),
    );
    expect(await readdir(directory)).toHaveLength(3);
  });

  it('accepts the checksum of a part at its end', async () => {
    const fileId = await startLarge('big');
    const to = await partUrl(fileId);
    const content = `first part${sha1s[0]}`;
    const headers = {
      authorization: to.authorizationToken,
      'content-length': content.length,
      'x-bz-part-number': 1,
      'x-bz-content-sha1': 'hex_digits_at_end',
    };

    expect((await http('POST', to.uploadUrl, headers, content)).json).toMatchObject({
      partNumber: 1,
      contentLength: 10,
      contentSha1: sha1s[0],
    });
  });

  it.each([0, 10_001])('refuses part number %i', async (number) => {
    expect((await putPart(await startLarge('big'), number, 'x')).json).toMatchObject({ status: 400 });
  });

  it('lists parts page by page', async () => {
    const fileId = await startLarge('big');
    await uploadAll(fileId);

    const first = await api('b2_list_parts', { fileId, maxPartCount: 2 });
    const query = `fileId=${fileId}&startPartNumber=${first.json.nextPartNumber}&maxPartCount=2`;
    const second = await http('GET', `${b2.url}/b2api/v3/b2_list_parts?${query}`, { authorization: token });

    expect(first.json.parts).toHaveLength(2);
    expect(second.json).toMatchObject({ parts: [{ partNumber: 3 }], nextPartNumber: null });
  });

  it('lists unfinished files oldest first, by prefix and page', async () => {
    const ids = [await startLarge('b/2'), await startLarge('b/1'), await startLarge('c')];
    const list = async (fields: object) =>
      (await api('b2_list_unfinished_large_files', { bucketId, ...fields })).json;

    const first = await list({ namePrefix: 'b/', maxFileCount: 1 });
    const second = await list({ namePrefix: 'b/', startFileId: first.nextFileId });

    expect([...first.files, ...second.files].map(({ fileId }) => fileId)).toEqual(ids.slice(0, 2));
    expect(second.nextFileId).toBeNull();
    expect(await list({ maxFileCount: 101 })).toMatchObject({ status: 400, code: 'out_of_range' });
  });

  it('forgets a cancelled file and its parts', async () => {
    const fileId = await startLarge('big');
    await uploadAll(fileId);
    const to = await partUrl(fileId);

    expect((await api('b2_cancel_large_file', { fileId })).json).toEqual({
      accountId,
      bucketId,
      fileId,
      fileName: 'big',
    });

    expect((await api('b2_get_file_info', { fileId })).json).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    expect((await api('b2_cancel_large_file', { fileId })).json).toMatchObject({ status: 400 });
    const late = { 'x-bz-part-number': 4, 'x-bz-content-sha1': sha1('x'), 'content-length': 1 };
    const refused = await http('POST', to.uploadUrl, { ...late, authorization: to.authorizationToken }, 'x');
    expect(refused.json).toMatchObject({ status: 400, code: 'bad_request' });
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('versions', () => {
  it('pile up under one name, are hidden by a marker, and go by name and id together', async () => {
    const older = (await upload('a', 'older')).json.fileId;
    const newer = (await upload('a', 'newer')).json.fileId;
    expect((await api('b2_list_file_names', { bucketId })).json.files).toMatchObject([{ fileId: newer }]);

    const marker = (await api('b2_hide_file', { bucketId, fileName: 'a' })).json;
    expect(marker.action).toBe('hide');
    expect(await names()).toEqual([]);
    expect((await api('b2_hide_file', { bucketId, fileName: 'a' })).json.code).toBe('already_hidden');
    expect((await api('b2_hide_file', { bucketId, fileName: 'b' })).json.code).toBe('no_such_file');
    expect((await api('b2_list_file_versions', { bucketId })).json.files).toMatchObject([
      { fileId: marker.fileId, action: 'hide' },
      { fileId: newer },
      { fileId: older },
    ]);

    const remove = (fileName: string | undefined, fileId: string) =>
      api('b2_delete_file_version', { fileName, fileId });
    expect((await remove(undefined, newer)).json).toMatchObject({ status: 400, code: 'bad_request' });
    expect((await remove('b', newer)).json).toMatchObject({ status: 400, code: 'file_not_present' });
    for (const fileId of [marker.fileId, newer]) expect((await remove('a', fileId)).status).toBe(200);
    expect((await api('b2_list_file_names', { bucketId })).json.files).toMatchObject([{ fileId: older }]);
    expect(await readdir(directory)).toHaveLength(1);
  });

  it('are listed by page, from a version on, with large files just started', async () => {
    const ids = [(await upload('a', '2')).json.fileId, (await upload('a', '1')).json.fileId].reverse();
    const started = await startLarge('b');

    const first = (await api('b2_list_file_versions', { bucketId, maxFileCount: 1 })).json;
    const { nextFileName: startFileName, nextFileId: startFileId } = first;
    const rest = (await api('b2_list_file_versions', { bucketId, startFileName, startFileId })).json;

    expect([...first.files, ...rest.files].map(({ fileId }) => fileId)).toEqual([...ids, started]);
    expect(rest).toMatchObject({ nextFileName: null, nextFileId: null, files: [{}, { action: 'start' }] });
  });

  it('are listed by name in the order of their bytes, by prefix, page and folder', async () => {
    for (const name of ['b', 'a/2', 'a/1', '%F0%9F%98%80', '%EF%BD%81']) await upload(name, 'x');

    expect(await names()).toEqual(['a/1', 'a/2', 'b', 'ａ', '😀']);
    expect(await names({ prefix: 'a/' })).toEqual(['a/1', 'a/2']);
    expect(await names({ delimiter: '/' })).toEqual(['a/', 'b', 'ａ', '😀']);
    const page = (await api('b2_list_file_names', { bucketId, maxFileCount: 2 })).json;
    expect(page.nextFileName).toBe('b');
    expect(await names({ startFileName: 'b', maxFileCount: 1 })).toEqual(['b']);
    expect((await api('b2_list_file_names', { bucketId, maxFileCount: 10_001 })).json.code).toBe(
      'out_of_range',
    );
  });

  it('tell their length as size, too, in v1', async () => {
    await upload('a', 'content');

    expect((await api('b2_list_file_names', { bucketId }, { version: 1 })).json.files[0].size).toBe(7);
  });
});

describe('downloading', () => {
  it('answers GET and HEAD by name and by id with the facts in headers', async () => {
    const info = { 'x-bz-info-large_file_sha1': 'abc', 'x-bz-info-b2-cache-control': 'no-store' };
    const { fileId } = (await upload('class/a+b%2B.mp4', 'content', info)).json;
    const auth = { authorization: token };

    const byName = await http('GET', `${b2.url}/file/${b2.bucket}/class/a%20b%2B.mp4`, auth);
    const byId = await http('GET', `${b2.url}/b2api/v3/b2_download_file_by_id?fileId=${fileId}`, auth);
    const head = await http('HEAD', `${b2.url}/file/${b2.bucket}/class/a%20b%2B.mp4?Authorization=${token}`);

    for (const reply of [byName, byId, head]) {
      expect(reply.status).toBe(200);
      expect(reply.headers).toMatchObject({
        'content-length': '7',
        'content-type': 'video/mp4',
        'x-bz-file-id': fileId,
        'x-bz-file-name': 'class/a%20b%2B.mp4',
        'x-bz-content-sha1': sha1('content'),
        'x-bz-upload-timestamp': expect.stringMatching(/^\d{13}$/),
        'x-bz-info-large_file_sha1': 'abc',
        'cache-control': 'no-store',
      });
    }
    expect([byName, byId, head].map(({ bytes }) => bytes.toString())).toEqual(['content', 'content', '']);
  });

  it.each([
    ['bytes=3-12', 'st partsec', 'bytes 3-12/21'],
    ['bytes=15-', 'd part', 'bytes 15-20/21'],
    ['bytes=-4', 'part', 'bytes 17-20/21'],
    ['bytes=19-99', 'rt', 'bytes 19-20/21'],
  ])('answers %s across parts with 206', async (range, expected, contentRange) => {
    const fileId = await startLarge('big');
    await putPart(fileId, 1, 'first part');
    await putPart(fileId, 2, 'second part');
    const partSha1Array = [sha1('first part'), sha1('second part')];
    await api('b2_finish_large_file', { fileId, partSha1Array });

    const reply = await http('GET', `${b2.url}/file/${b2.bucket}/big`, { authorization: token, range });

    expect(reply.status).toBe(206);
    expect(reply.headers['content-range']).toBe(contentRange);
    expect(reply.bytes.toString()).toBe(expected);
  });

  it('refuses ranges outside, absent and hidden files, and strangers', async () => {
    await upload('a', 'content');
    await upload('hidden', 'content');
    await api('b2_hide_file', { bucketId, fileName: 'hidden' });
    const get = (name: string, headers: OutgoingHttpHeaders) =>
      http('GET', `${b2.url}/file/${b2.bucket}/${name}`, { authorization: token, ...headers });

    expect((await get('a', { range: 'bytes=7-' })).json).toMatchObject({
      status: 416,
      code: 'range_not_satisfiable',
    });
    expect((await get('b', {})).json).toMatchObject({ status: 404, code: 'not_found' });
    expect((await get('hidden', {})).json).toMatchObject({ status: 404, code: 'not_found' });
    expect((await get('a', { authorization: 'no' })).json).toMatchObject({
      status: 401,
      code: 'bad_auth_token',
    });
  });
});

describe('calls in general', () => {
  it('take GET with a query for what only reads, POST for everything', async () => {
    const get = (path: string) => http('GET', `${b2.url}/b2api/v4/${path}`, { authorization: token });

    expect((await get(`b2_get_upload_url?bucketId=${bucketId}`)).json.uploadUrl).toContain(
      '/b2api/v4/b2_upload_file/',
    );
    expect((await get(`b2_hide_file?bucketId=${bucketId}&fileName=a`)).json).toMatchObject({
      status: 405,
      code: 'method_not_allowed',
    });
  });

  it('refuse unknown buckets, operations, paths and bodies in B2 terms, with a request id', async () => {
    const replies = [
      await api('b2_get_upload_url', { bucketId: 'x' }),
      await api('b2_make_tea', {}),
      await http('POST', `${b2.url}/b2api/v3/b2_get_upload_url`, { authorization: token }, '{'),
      await http('GET', `${b2.url}/elsewhere`),
    ];

    expect(replies.map(({ json }) => [json.status, json.code])).toEqual([
      [400, 'bad_bucket_id'],
      [400, 'bad_request'],
      [400, 'bad_json'],
      [404, 'not_found'],
    ]);
    for (const { headers } of replies) expect(headers['x-bz-request-id']).toBeDefined();
  });

  it('create buckets, each name once, and list them by name', async () => {
    const create = (bucketName: string) =>
      api('b2_create_bucket', { accountId, bucketName, bucketType: 'allPrivate' });

    expect((await create(b2.bucket)).json).toMatchObject({ status: 400, code: 'duplicate_bucket_name' });
    const { json } = await create('another-bucket');
    expect(
      (await api('b2_list_buckets', { accountId, bucketName: 'another-bucket' })).json.buckets,
    ).toMatchObject([{ bucketId: json.bucketId, bucketType: 'allPrivate' }]);
    expect((await api('b2_list_buckets', { accountId: 'b2-key-id' })).json.code).toBe('bad_request');
  });
});

describe('the way in from another process', () => {
  it('lists files and unfinished ones, gives content, and expires tokens', async () => {
    const { fileId } = (await upload('a', 'content')).json;
    await startLarge('big');

    expect((await http('GET', `${b2.url}/__sim/files`)).json).toEqual(
      JSON.parse(JSON.stringify(await b2.files())),
    );
    expect((await http('GET', `${b2.url}/__sim/unfinished`)).json).toMatchObject([
      { fileName: 'big', parts: [] },
    ]);
    expect((await http('GET', `${b2.url}/__sim/files/${fileId}/content`)).bytes.toString()).toBe('content');
    expect((await http('GET', `${b2.url}/__sim/files/none/content`)).status).toBe(404);
    await http('POST', `${b2.url}/__sim/expire-tokens`, {}, '{"account":true}');
    expect((await api('b2_list_buckets', { accountId })).json.code).toBe('expired_auth_token');
  });
});

describe('without keeping bytes', () => {
  it('checks and lists everything, and writes nothing', async () => {
    await b2.close();
    await start({ keepBytes: false });

    const { json } = await upload('a', 'content');

    expect((await upload('a', 'x', { 'x-bz-content-sha1': sha1('y') })).status).toBe(400);
    expect(await b2.files()).toMatchObject([{ contentLength: 7, wholeSha1: sha1('content') }]);
    expect(await readdir(directory)).toEqual([]);
    expect(() => b2.read(json.fileId)).toThrow('keepBytes');
    const url = `${b2.url}/file/${b2.bucket}/a`;
    expect((await http('HEAD', url, { authorization: token })).headers['content-length']).toBe('7');
  });
});
