import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Upload, type UploadOptions } from 'tus-js-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type BunnySimulator,
  type BunnySimulatorOptions,
  startBunnySimulator,
} from '../../simulators/bunny/simulator.ts';
import { signUpload } from '../../simulators/bunny/tus.ts';
import { signWebhook } from '../../simulators/bunny/webhooks.ts';
import { startSimulator } from '../../simulators/shared/simulator.ts';

const opened: { close(): Promise<void> }[] = [];
let bunny: BunnySimulator;

beforeEach(async () => {
  bunny = await start({ encodingStepMs: 1 });
});

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function start(options: BunnySimulatorOptions): Promise<BunnySimulator> {
  const started = await startBunnySimulator(options);
  opened.push(started);
  return started;
}

/** Calls the REST API with the library's key and gives the status and the parsed answer. */
async function call(method: string, path: string, body?: object | Buffer, key = bunny.apiKey) {
  const response = await fetch(`${bunny.url}/library/${bunny.libraryId}${path}`, {
    method,
    headers: { AccessKey: key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: Buffer.isBuffer(body) ? new Uint8Array(body) : body && JSON.stringify(body),
  });
  const answer = await response.text();
  return { status: response.status, body: answer === '' ? undefined : JSON.parse(answer) };
}

async function createVideo(title = 'Lesson 1'): Promise<string> {
  const { body } = await call('POST', '/videos', { title });
  return body.guid;
}

async function getVideo(guid: string) {
  return (await call('GET', `/videos/${guid}`)).body;
}

function authorization(videoId: string, expiresAtS = Math.floor(Date.now() / 1000) + 3600) {
  const { libraryId, apiKey } = bunny;
  return {
    AuthorizationSignature: signUpload({ libraryId, apiKey, expiresAtS, videoId }),
    AuthorizationExpire: String(expiresAtS),
    VideoId: videoId,
    LibraryId: libraryId,
  };
}

const base64 = (value: string) => Buffer.from(value).toString('base64');
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const METADATA = `filetype ${base64('video/mp4')},title ${base64('Lesson 1')}`;

/** One tus request with everything it needs; `headers` replace, and `undefined` takes one away. */
async function tus(
  method: string,
  url: string,
  videoId: string,
  headers: Readonly<Record<string, string | undefined>> = {},
  body?: Buffer,
): Promise<Response> {
  const all = { 'Tus-Resumable': '1.0.0', ...authorization(videoId), ...headers };
  const sent = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return fetch(url, { method, headers: sent, body: body && new Uint8Array(body) });
}

async function beginUpload(videoId: string, lengthBytes: number): Promise<string> {
  const response = await tus('POST', `${bunny.url}/tusupload`, videoId, {
    'Upload-Length': String(lengthBytes),
    'Upload-Metadata': METADATA,
  });
  expect(response.status).toBe(201);
  return response.headers.get('location') ?? '';
}

function patch(url: string, videoId: string, offset: number, body: Buffer) {
  const headers = { 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream' };
  return tus('PATCH', url, videoId, headers, body);
}

async function offsetOf(url: string, videoId: string): Promise<number> {
  const response = await tus('HEAD', url, videoId);
  expect(response.status).toBe(200);
  return Number(response.headers.get('upload-offset'));
}

/** Opens a PATCH and sends only `first`; the caller ends or destroys it. */
function openPatch(url: string, videoId: string, lengthBytes: number, first: Buffer) {
  const opened = httpRequest(url, {
    method: 'PATCH',
    headers: {
      'Tus-Resumable': '1.0.0',
      ...authorization(videoId),
      'Upload-Offset': '0',
      'Content-Type': 'application/offset+octet-stream',
      'Content-Length': lengthBytes,
    },
  });
  opened.write(first);
  return opened;
}

describe('the REST API', () => {
  it('creates a video with 200 and status 0, a new one for each call', async () => {
    const first = await call('POST', '/videos', { title: 'Lesson 1', thumbnailTime: 1000 });
    const second = await call('POST', '/videos', { title: 'Lesson 1' });

    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({
      videoLibraryId: 4321,
      title: 'Lesson 1',
      status: 0,
      encodeProgress: 0,
      storageSize: 0,
      originalHash: null,
      captions: [],
    });
    expect(second.body.guid).not.toBe(first.body.guid);
  });

  it.each([[{}], [{ title: '' }], [{ title: 7 }]])('refuses to create a video from %j', async (body) => {
    const { status, body: answer } = await call('POST', '/videos', body);

    expect(status).toBe(400);
    expect(answer).toMatchObject({ success: false, statusCode: 400 });
  });

  it('refuses a wrong key, no key, and the read-only key for what changes something', async () => {
    const wrong = await call('POST', '/videos', { title: 'x' }, 'another-key');
    const none = await fetch(`${bunny.url}/library/${bunny.libraryId}/videos`);
    const writing = await call('POST', '/videos', { title: 'x' }, bunny.readOnlyApiKey);
    const reading = await call('GET', '/videos', undefined, bunny.readOnlyApiKey);
    const otherLibrary = await fetch(`${bunny.url}/library/1/videos`, {
      headers: { AccessKey: bunny.apiKey },
    });

    expect([wrong.status, none.status, writing.status, otherLibrary.status]).toEqual([401, 401, 401, 401]);
    expect(wrong.body.Message).toBe('Authentication has been denied for this request.');
    expect(reading.status).toBe(200);
  });

  it('updates, shows and deletes a video', async () => {
    const guid = await createVideo();

    const updated = await call('POST', `/videos/${guid}`, {
      title: 'Lesson 2',
      metaTags: [{ property: 'recording', value: 'r-1' }],
    });
    const shown = await getVideo(guid);
    const deleted = await call('DELETE', `/videos/${guid}`);

    expect(updated.body).toMatchObject({ success: true, statusCode: 200 });
    expect(shown).toMatchObject({
      title: 'Lesson 2',
      metaTags: [{ property: 'recording', value: 'r-1' }],
    });
    expect(deleted.status).toBe(200);
    expect((await call('GET', `/videos/${guid}`)).status).toBe(404);
    expect((await call('DELETE', `/videos/${guid}`)).status).toBe(404);
  });

  it('lists by page, search, collection and order', async () => {
    for (const title of ['beta one', 'alpha', 'Beta two']) await createVideo(title);
    await call('POST', '/videos', { title: 'beta three', collectionId: 'c-1' });
    const titles = async (query: string) =>
      (await call('GET', `/videos?${query}`)).body.items.map((item: { title: string }) => item.title);

    const page = await call('GET', '/videos?page=2&itemsPerPage=3&orderBy=date');

    expect(page.body).toMatchObject({ totalItems: 4, currentPage: 2, itemsPerPage: 3 });
    expect(page.body.items.map((item: { title: string }) => item.title)).toEqual(['beta one']);
    expect(await titles('search=BETA')).toEqual(['beta three', 'Beta two', 'beta one']);
    expect(await titles('collection=c-1')).toEqual(['beta three']);
    expect((await titles('orderBy=title'))[0]).toBe('alpha');
  });

  it('creates and lists collections', async () => {
    const created = await call('POST', '/collections', { name: 'Algebra' });
    await call('POST', '/videos', { title: 'x', collectionId: created.body.guid });

    const listed = await call('GET', '/collections?search=alg');

    expect(created.body).toMatchObject({ name: 'Algebra', videoCount: 0 });
    expect(listed.body).toMatchObject({
      totalItems: 1,
      items: [{ guid: created.body.guid, videoCount: 1 }],
    });
  });

  it('takes captions and shows them without their text', async () => {
    const guid = await createVideo();
    const caption = { srclang: 'en', label: 'English', captionsFile: base64('WEBVTT\n') };

    const added = await call('POST', `/videos/${guid}/captions/en`, caption);
    const refused = await call('POST', `/videos/${guid}/captions/en`, {
      ...caption,
      captionsFile: 'not base64!',
    });

    expect(added).toMatchObject({ status: 200, body: { success: true } });
    expect(refused.status).toBe(400);
    expect((await getVideo(guid)).captions).toMatchObject([{ srclang: 'en', label: 'English' }]);
    expect(bunny.videos()[0]?.captions).toEqual([{ srclang: 'en', label: 'English', text: 'WEBVTT\n' }]);
  });

  it('takes a raw file once and answers 400 the second time', async () => {
    const guid = await createVideo();
    const bytes = randomBytes(300_000);

    const first = await call('PUT', `/videos/${guid}`, bytes);
    const second = await call('PUT', `/videos/${guid}`, bytes);

    expect(first.status).toBe(200);
    expect(second).toMatchObject({
      status: 400,
      body: { message: 'The requested video was already uploaded' },
    });
    expect(await getVideo(guid)).toMatchObject({ originalHash: sha256(bytes), storageSize: bytes.length });
    expect(await buffer(bunny.read(guid))).toEqual(bytes);
  });

  it('fetches a file from a URL without telling the guid', async () => {
    const bytes = randomBytes(50_000);
    const origin = await startSimulator({}, async (request) =>
      request.headers['x-pass'] === 'yes' ? { status: 200, body: bytes } : { status: 403 },
    );
    opened.push(origin);

    const answer = await call('POST', '/videos/fetch', {
      url: `${origin.url}/a.mp4`,
      headers: { 'x-pass': 'yes' },
      title: 'Fetched',
    });
    const refused = await call('POST', '/videos/fetch', { url: `${origin.url}/b.mp4` });

    expect(answer.body).toEqual({ success: true, message: 'OK', statusCode: 200 });
    expect(refused.status).toBe(200);
    await expect
      .poll(() => bunny.videos().map(({ title, status }) => ({ title, status })))
      .toEqual([
        { title: 'Fetched', status: 4 },
        { title: 'b.mp4', status: 6 },
      ]);
    expect(bunny.videos()[0]?.sha256).toBe(sha256(bytes));
  });
});

describe('the tus endpoint', () => {
  it("signs as in the vendor's test vector", () => {
    const vector = {
      libraryId: '4321',
      apiKey: 'key-abc',
      expiresAtS: 1_700_000_000,
      videoId: 'video-guid',
    };

    expect(signUpload(vector)).toBe('082ef4f2f1bc9d64124f7d069a4bea07e0f28381adde37dce2a729ec95d49419');
  });

  const verbs = ['POST', 'HEAD', 'PATCH'];
  const names = ['AuthorizationSignature', 'AuthorizationExpire', 'VideoId', 'LibraryId'];

  it.each(verbs.flatMap((verb) => names.map((name) => [verb, name] as const)))(
    'answers 401 to %s without %s',
    async (verb, name) => {
      const guid = await createVideo();
      const url = verb === 'POST' ? `${bunny.url}/tusupload` : await beginUpload(guid, 10);

      const response = await tus(verb, url, guid, { [name]: undefined });

      expect(response.status).toBe(401);
      if (verb !== 'HEAD') expect(await response.text()).toContain(name);
    },
  );

  it.each(verbs)('answers 401 to %s after the signature has expired', async (verb) => {
    const guid = await createVideo();
    const url = verb === 'POST' ? `${bunny.url}/tusupload` : await beginUpload(guid, 10);
    const expired = authorization(guid, Math.floor(Date.now() / 1000) - 1);

    const response = await tus(verb, url, guid, expired);

    expect(response.status).toBe(401);
    if (verb !== 'HEAD') expect(await response.text()).toBe('AuthorizationExpire has passed');
  });

  it.each([
    ['a wrong signature', { AuthorizationSignature: '0'.repeat(64) }, 'AuthorizationSignature is invalid'],
    ['another library', { LibraryId: '1' }, 'The library does not exist or the key is not its own'],
    [
      'an expiry in milliseconds',
      { AuthorizationExpire: String(Date.now() + 3_600_000) },
      'AuthorizationExpire is not a UNIX timestamp in seconds',
    ],
  ])('answers 401 to %s', async (_name, headers, message) => {
    const guid = await createVideo();

    const response = await tus('POST', `${bunny.url}/tusupload`, guid, headers);

    expect(response.status).toBe(401);
    expect(await response.text()).toBe(message);
  });

  it("answers 401 to another video's signature on an upload", async () => {
    const [guid, other] = [await createVideo(), await createVideo()];
    const url = await beginUpload(guid, 10);

    const response = await tus('HEAD', url, other);

    expect(response.status).toBe(401);
  });

  it('answers 412 to another version and names its own', async () => {
    const guid = await createVideo();

    const response = await tus('POST', `${bunny.url}/tusupload`, guid, { 'Tus-Resumable': '0.2.2' });

    expect(response.status).toBe(412);
    expect(response.headers.get('tus-version')).toBe('1.0.0');
  });

  it.each([
    ['no length', { 'Upload-Length': undefined }],
    ['no filetype', { 'Upload-Metadata': `title ${base64('x')}` }],
    ['no title', { 'Upload-Metadata': `filetype ${base64('video/mp4')},title` }],
  ])('answers 400 to a creation with %s', async (_name, headers) => {
    const guid = await createVideo();
    const complete = { 'Upload-Length': '10', 'Upload-Metadata': METADATA };

    const response = await tus('POST', `${bunny.url}/tusupload`, guid, { ...complete, ...headers });

    expect(response.status).toBe(400);
  });

  it('answers 404 to a creation for an unknown video and to an unknown upload', async () => {
    const guid = await createVideo();

    const creation = await tus('POST', `${bunny.url}/tusupload`, 'no-such-video');
    const head = await tus('HEAD', `${bunny.url}/tusupload/none`, guid);

    expect([creation.status, head.status]).toEqual([404, 404]);
    expect(head.headers.get('upload-offset')).toBeNull();
  });

  it('takes a file in several PATCHes and gives it to the video', async () => {
    const guid = await createVideo();
    const bytes = randomBytes(200_000);
    const url = await beginUpload(guid, bytes.length);

    const first = await patch(url, guid, 0, bytes.subarray(0, 120_000));
    const before = await getVideo(guid);
    const second = await patch(url, guid, 120_000, bytes.subarray(120_000));

    expect(url).toMatch(`${bunny.url}/tusupload/`);
    expect([first.status, first.headers.get('upload-offset')]).toEqual([204, '120000']);
    expect(before).toMatchObject({ status: 0, originalHash: null });
    expect([second.status, second.headers.get('upload-offset')]).toEqual([204, '200000']);
    expect(await getVideo(guid)).toMatchObject({ originalHash: sha256(bytes), storageSize: 200_000 });
    expect(await buffer(bunny.read(guid))).toEqual(bytes);
    expect(await offsetOf(url, guid)).toBe(200_000);
  });

  it.each([
    ['415', 'another content type', { 'Content-Type': 'video/mp4' }, 10],
    ['409', 'a wrong offset', { 'Upload-Offset': '3' }, 10],
    ['400', 'no offset', { 'Upload-Offset': undefined }, 10],
    ['413', 'too many bytes', {}, 11],
  ])('answers %s to a PATCH with %s and keeps nothing of it', async (status, _name, headers, bytes) => {
    const guid = await createVideo();
    const url = await beginUpload(guid, 10);
    const fine = { 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' };

    const response = await tus('PATCH', url, guid, { ...fine, ...headers }, randomBytes(bytes));

    expect(response.status).toBe(Number(status));
    expect(await offsetOf(url, guid)).toBe(0);
  });

  it('answers 409 while another PATCH is open, and goes on when that one is over', async () => {
    const guid = await createVideo();
    const bytes = randomBytes(100_000);
    const url = await beginUpload(guid, bytes.length);
    const open = openPatch(url, guid, bytes.length, bytes.subarray(0, 40_000));
    await expect.poll(() => offsetOf(url, guid)).toBe(40_000);

    const refused = await patch(url, guid, 40_000, bytes.subarray(40_000));
    open.end(bytes.subarray(40_000));
    const [response] = await once(open, 'response');

    expect(refused.status).toBe(409);
    expect(await refused.text()).toMatch(/^File \w+ is currently being updated\. Please try again later$/);
    expect(response.statusCode).toBe(204);
    response.resume();
    expect(bunny.videos()[0]?.sha256).toBe(sha256(bytes));
  });

  it('keeps what arrived of a PATCH that broke, and takes the rest', async () => {
    const guid = await createVideo();
    const bytes = randomBytes(100_000);
    const url = await beginUpload(guid, bytes.length);
    const open = openPatch(url, guid, bytes.length, bytes.subarray(0, 30_000));
    open.on('error', () => {});
    await expect.poll(() => offsetOf(url, guid)).toBe(30_000);

    open.destroy();
    const resume = async () => (await patch(url, guid, 30_000, bytes.subarray(30_000))).status;

    await expect.poll(resume).toBe(204);
    expect(bunny.videos()).toMatchObject([{ sha256: sha256(bytes), uploadsCreated: 1 }]);
  });

  it('keeps exactly the bytes before a reset that was asked for', async () => {
    const guid = await createVideo();
    const url = await beginUpload(guid, 500_000);
    bunny.fail({ on: 'PATCH /tusupload/*', drop: 'during-body', cutAfterBytes: 123_456 });

    await expect(patch(url, guid, 0, randomBytes(500_000))).rejects.toThrow();

    await expect.poll(() => offsetOf(url, guid)).toBe(123_456);
  });

  it('keeps part of a PATCH and answers 500 when told to', async () => {
    const guid = await createVideo();
    const bytes = randomBytes(1_000);
    const url = await beginUpload(guid, bytes.length);
    bunny.interruptPatch({ acceptBytes: 600, status: 500 });

    const interrupted = await patch(url, guid, 0, bytes);
    const offset = await offsetOf(url, guid);
    const rest = await patch(url, guid, offset, bytes.subarray(offset));

    expect([interrupted.status, offset, rest.status]).toEqual([500, 600, 204]);
    expect(bunny.videos()[0]?.sha256).toBe(sha256(bytes));
  });

  it('answers 204 without moving the offset when told to', async () => {
    const guid = await createVideo();
    const url = await beginUpload(guid, 1_000);
    bunny.interruptPatch({ acceptBytes: 0, status: 204 });

    const response = await patch(url, guid, 0, randomBytes(1_000));

    expect([response.status, response.headers.get('upload-offset')]).toEqual([204, '0']);
    expect(await offsetOf(url, guid)).toBe(0);
  });

  it('has the whole file although its answer was lost', async () => {
    const guid = await createVideo();
    const bytes = randomBytes(1_000);
    const url = await beginUpload(guid, bytes.length);
    bunny.fail({ on: 'PATCH /tusupload/*', drop: 'after-handling' });

    await expect(patch(url, guid, 0, bytes)).rejects.toThrow();

    expect(await offsetOf(url, guid)).toBe(1_000);
    expect(bunny.videos()[0]?.sha256).toBe(sha256(bytes));
  });

  it('forgets unfinished uploads when purged, and takes a new one for the same video', async () => {
    const guid = await createVideo();
    const bytes = randomBytes(1_000);
    const url = await beginUpload(guid, bytes.length);
    await patch(url, guid, 0, bytes.subarray(0, 500));

    const purged = await bunny.purgeUploads();
    const head = await tus('HEAD', url, guid);
    const again = await beginUpload(guid, bytes.length);
    await patch(again, guid, 0, bytes);

    expect([purged, head.status]).toEqual([1, 404]);
    expect(bunny.videos()).toMatchObject([{ sha256: sha256(bytes), uploadsCreated: 2 }]);
  });

  it('lets the newest upload of a video win, until the video has its file', async () => {
    const guid = await createVideo();
    const first = await beginUpload(guid, 1_000);
    const second = await beginUpload(guid, 1_000);

    const old = await tus('HEAD', first, guid);
    await patch(second, guid, 0, randomBytes(1_000));
    const third = await tus('POST', `${bunny.url}/tusupload`, guid, {
      'Upload-Length': '1000',
      'Upload-Metadata': METADATA,
    });

    expect([old.status, third.status]).toEqual([404, 400]);
  });

  it('loses the upload of a video that is deleted, and its bytes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bunny-test-'));
    opened.push({ close: () => rm(directory, { recursive: true }) });
    bunny = await start({ directory });
    const guid = await createVideo();
    const url = await beginUpload(guid, 1_000);
    await patch(url, guid, 0, randomBytes(500));
    const before = await readdir(directory);

    await call('DELETE', `/videos/${guid}`);

    expect((await tus('HEAD', url, guid)).status).toBe(404);
    expect(before).toHaveLength(1);
    expect(await readdir(directory)).toEqual([]);
  });

  it('only hashes the bytes when it is not to keep them', async () => {
    bunny = await start({ keepBytes: false });
    const guid = await createVideo();
    const bytes = randomBytes(100_000);

    await patch(await beginUpload(guid, bytes.length), guid, 0, bytes);

    expect(bunny.videos()).toMatchObject([{ sha256: sha256(bytes), bytes: 100_000 }]);
    expect(() => bunny.read(guid)).toThrow('not kept');
    expect((await fetch(`${bunny.url}/__sim/videos/${guid}/content`)).status).toBe(410);
  });
});

describe('encoding', () => {
  it('walks from uploaded to finished, and stands still while held', async () => {
    const guid = await createVideo();
    bunny.holdEncoding(true);
    await call('PUT', `/videos/${guid}`, randomBytes(1_000));

    const held: unknown[] = [];
    for (let look = 0; look < 20; look += 1) held.push((await getVideo(guid)).status);
    bunny.holdEncoding(false);

    expect(new Set(held)).toEqual(new Set([1]));
    await expect
      .poll(() => getVideo(guid))
      .toMatchObject({ status: 4, encodeProgress: 100, availableResolutions: '360p,720p' });
  });

  it('fails when told to, before or after the file is there', async () => {
    const [before, after] = [await createVideo(), await createVideo()];
    bunny.failEncoding(before);
    for (const guid of [before, after]) await call('PUT', `/videos/${guid}`, randomBytes(1_000));

    const control = await fetch(`${bunny.url}/__sim/videos/${after}/fail-encoding`, { method: 'POST' });

    expect(control.status).toBe(204);
    await expect.poll(() => bunny.videos().map(({ status }) => status)).toEqual([5, 5]);
    expect((await getVideo(after)).transcodingMessages).toHaveLength(1);
    expect(() => bunny.failEncoding('none')).toThrow('does not exist');
  });

  it('tells each step by signed webhooks, in the numbers of the webhook', async () => {
    const heard: { status: number; isSigned: boolean; headers: unknown }[] = [];
    const owner = await startSimulator({}, async (request) => {
      const body = (await request.bytes()).toString();
      const { Status: status } = JSON.parse(body);
      const isSigned = request.headers['x-bunnystream-signature'] === signWebhook(body, bunny.readOnlyApiKey);
      heard.push({ status, isSigned, headers: request.headers });
      return { status: 200 };
    });
    opened.push(owner);
    bunny = await start({ encodingStepMs: 1, webhookUrl: `${owner.url}/bunny` });
    const guid = await createVideo();

    await patch(await beginUpload(guid, 1_000), guid, 0, randomBytes(1_000));

    await expect.poll(() => heard.map(({ status }) => status)).toEqual([6, 7, 0, 1, 2, 4, 3]);
    expect(heard.every(({ isSigned }) => isSigned)).toBe(true);
    expect(heard[0]?.headers).toMatchObject({
      'x-bunnystream-signature-version': 'v1',
      'x-bunnystream-signature-algorithm': 'hmac-sha256',
    });
  });

  it('signs webhooks as in the test vector', () => {
    const body = '{"VideoLibraryId":133,"VideoGuid":"657bb740-a71b-4529-a012-528021c31a92","Status":3}';

    expect(signWebhook(body, 'read-only-key')).toBe(
      '95ba721a9a8ee56efa4ce19d45dba902747c0effc76c76a6d3d316f1f332cfd8',
    );
  });
});

describe('the control paths', () => {
  it('show the videos and their bytes, purge uploads and interrupt a PATCH', async () => {
    const [guid, unfinished] = [await createVideo(), await createVideo('half')];
    const bytes = randomBytes(10_000);
    await call('PUT', `/videos/${guid}`, bytes);
    const url = await beginUpload(unfinished, 100);
    await fetch(`${bunny.url}/__sim/interrupt-patch`, {
      method: 'POST',
      body: JSON.stringify({ acceptBytes: 40, status: 503 }),
    });
    const interrupted = await patch(url, unfinished, 0, randomBytes(100));

    const videos = await (await fetch(`${bunny.url}/__sim/videos`)).json();
    const content = await fetch(`${bunny.url}/__sim/videos/${guid}/content`);
    const purge = await fetch(`${bunny.url}/__sim/purge-uploads`, { method: 'POST' });

    expect(interrupted.status).toBe(503);
    expect(videos).toMatchObject([
      { guid, sha256: sha256(bytes) },
      { guid: unfinished, bytes: 40 },
    ]);
    expect(Buffer.from(await content.arrayBuffer())).toEqual(bytes);
    expect(await purge.json()).toEqual({ purged: 1 });
    expect((await fetch(`${bunny.url}/__sim/videos/none/content`)).status).toBe(404);
  });
});

describe('a stock tus client', () => {
  const bytes = randomBytes(4_000_000);

  function run(options: Partial<UploadOptions>, stopAfterBytes = Number.POSITIVE_INFINITY) {
    return new Promise<{ url: string | null; outcome: unknown }>((resolve) => {
      const upload = new Upload(bytes, {
        retryDelays: null,
        metadata: { filetype: 'video/mp4', title: 'Lesson 1' },
        ...options,
        onSuccess: () => resolve({ url: upload.url, outcome: 'success' }),
        onError: (error) => resolve({ url: upload.url, outcome: error }),
        onProgress(sentBytes) {
          if (sentBytes < stopAfterBytes || sentBytes === bytes.length) return;
          upload.abort().then(() => resolve({ url: upload.url, outcome: 'aborted' }), resolve);
        },
      });
      upload.start();
    });
  }

  it('uploads, is aborted half way, and resumes from its upload URL', async () => {
    const guid = await createVideo();
    const headers = authorization(guid);
    // Slow enough to be stopped in the middle.
    bunny.link.bytesPerSecond = 8_000_000;

    const first = await run({ endpoint: `${bunny.url}/tusupload`, headers, chunkSize: 500_000 }, 2_000_000);
    const arrivedBytes = bunny.videos()[0]?.bytes;
    const unlocked = async () => (await run({ uploadUrl: first.url, headers })).outcome;

    expect(first.outcome).toBe('aborted');
    expect(arrivedBytes).toBeGreaterThan(0);
    expect(arrivedBytes).toBeLessThan(bytes.length);
    await expect.poll(unlocked, { timeout: 20_000 }).toBe('success');
    expect(bunny.videos()).toMatchObject([{ sha256: sha256(bytes), uploadsCreated: 1 }]);
    const content = await fetch(`${bunny.url}/__sim/videos/${guid}/content`);
    expect(sha256(Buffer.from(await content.arrayBuffer()))).toBe(sha256(bytes));
  });

  it('is turned away with 401 when its signature has expired, and may go on with a fresh one', async () => {
    const guid = await createVideo();
    const url = await beginUpload(guid, bytes.length);
    await patch(url, guid, 0, bytes.subarray(0, 1_000_000));

    const expired = await run({ uploadUrl: url, headers: authorization(guid, 1_700_000_000) });
    const fresh = await run({ uploadUrl: url, headers: authorization(guid) });

    expect(String(expired.outcome)).toContain('response code: 401');
    expect(fresh.outcome).toBe('success');
    expect(bunny.videos()).toMatchObject([{ sha256: sha256(bytes), uploadsCreated: 1 }]);
  });
});

it('answers nothing outside its own paths', async () => {
  const response = await fetch(`${bunny.url}/elsewhere`);

  expect(response.status).toBe(404);
  expect(await response.text()).toContain('Not found');
});
