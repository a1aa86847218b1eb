import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FileInput } from '../../simulators/zoom/meetings.ts';
import { dailyLimit, perSecondLimit } from '../../simulators/zoom/rate-limits.ts';
import {
  startZoomSimulator,
  type ZoomSimulator,
  type ZoomSimulatorOptions,
} from '../../simulators/zoom/simulator.ts';
import { toPathSegment } from '../../simulators/zoom/uuid.ts';
import { encryptPlainToken, signWebhook } from '../../simulators/zoom/webhooks.ts';

const SLASHED_UUID = '/ajXp112QmuoKj4854875==';
const DAY_MS = 86_400_000;

let folder: string;
let path: string;
let content: Buffer;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zoom-simulator-'));
  path = join(folder, 'view.mp4');
  content = randomBytes(2 * 1024 * 1024 + 321);
  await writeFile(path, content);
});

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
  await rm(folder, { recursive: true });
});

async function startZoom(options: ZoomSimulatorOptions = {}): Promise<ZoomSimulator> {
  const zoom = await startZoomSimulator({ retryStepsMs: [1, 2, 3], ...options });
  closers.push(() => zoom.close());
  return zoom;
}

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Starts a receiver of webhooks that answers with `answer`, and keeps what it got. */
async function startReceiver(answer: (received: Received, response: ServerResponse) => void) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = await request.toArray();
    const one = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8') };
    received.push(one);
    answer(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/zoom-upload`, received };
}

/** A receiver that answers with these statuses, one after the other; the last one again and again. */
function startAnswering(...statuses: readonly number[]) {
  let count = 0;
  return startReceiver((_, response) => {
    const status = statuses[Math.min(count, statuses.length - 1)] ?? 200;
    count += 1;
    response.writeHead(status, { location: '/elsewhere' }).end();
  });
}

async function addOne(zoom: ZoomSimulator, more: { uuid?: string; file?: FileInput } = {}) {
  return zoom.addMeeting({ topic: 'Algebra', uuid: more.uuid, files: [{ path, ...more.file }] });
}

function bearer(token: string | undefined, more: Record<string, string> = {}) {
  return { headers: { authorization: `Bearer ${token}`, ...more }, redirect: 'manual' } as const;
}

/** Asks the web origin and returns the signed URL of the other origin. */
async function redirectOf(url: string | undefined, token: string | undefined): Promise<string> {
  const answer = await fetch(String(url), bearer(token));
  expect(answer.status).toBe(302);
  return String(answer.headers.get('location'));
}

/** The signed URL of the first file of a meeting that has just been added. */
async function signedUrl(zoom: ZoomSimulator): Promise<string> {
  const event = zoom.recordingCompleted(await addOne(zoom));
  return redirectOf(event.payload.object.recording_files[0]?.download_url, event.download_token);
}

async function accessToken(zoom: ZoomSimulator): Promise<string> {
  const answer = await requestToken(zoom, { grant_type: 'account_credentials', account_id: zoom.accountId });
  return String(at(await answer.json(), 'access_token'));
}

function requestToken(zoom: ZoomSimulator, form: Record<string, string>, secret = zoom.clientSecret) {
  const basic = Buffer.from(`${zoom.clientId}:${secret}`).toString('base64');
  return fetch(zoom.oauthUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams(form),
  });
}

/** The value at a path of dots, such as `payload.object.recording_files.0.id`; `undefined` where there is none. */
function at(value: unknown, way: string): unknown {
  return way
    .split('.')
    .reduce<unknown>(
      (here, key) => (typeof here === 'object' && here !== null ? Reflect.get(here, key) : undefined),
      value,
    );
}

/** One field of every item of a list. */
function each(list: unknown, way: string): readonly unknown[] {
  return Array.isArray(list) ? list.map((item) => at(item, way)) : [];
}

function keys(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value).sort() : [];
}

async function rest(zoom: ZoomSimulator, method: string, target: string, json?: object) {
  const token = await accessToken(zoom);
  const answer = await fetch(`${zoom.apiUrl}${target}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: json && JSON.stringify(json),
  });
  const text = await answer.text();
  const body: unknown = text === '' ? undefined : JSON.parse(text);
  return { status: answer.status, headers: answer.headers, body };
}

describe('known answers', () => {
  it('signs as the published vector', () => {
    const signature = signWebhook({
      secretToken: 'test-secret-token',
      timestampS: 1_739_923_528,
      body: '{"event":"recording.completed","event_ts":1739923528000,"payload":{}}',
    });
    expect(signature).toBe('v0=d497e9f73bef2c21aa58338cdaf8a63213a6be761af3d4df128feebca2ffc7d0');
  });

  it('expects the challenge answer of the published vector', () => {
    expect(encryptPlainToken('test-secret-token', 'qgg8vlvZRS6UYooatFL8Aw')).toBe(
      '9c8ad56737c19db2904b301c0781e86857e999f39f07727668cf62a5e7e298c8',
    );
  });

  it('encodes a uuid that starts with a slash twice, another once', () => {
    expect(toPathSegment(SLASHED_UUID)).toBe('%252FajXp112QmuoKj4854875%253D%253D');
    expect(toPathSegment('a//b=')).toBe('a%252F%252Fb%253D');
    expect(toPathSegment('a/b=')).toBe('a%2Fb%3D');
  });
});

describe('webhooks', () => {
  it('signs the bytes it sends, with a fresh timestamp in seconds', async () => {
    const zoom = await startZoom();
    const receiver = await startAnswering(200);
    const event = zoom.recordingCompleted(await addOne(zoom));

    expect(await zoom.send(receiver.url, event)).toMatchObject({ status: 200 });

    const [got] = receiver.received;
    const timestampS = Number(got?.headers['x-zm-request-timestamp']);
    expect(String(timestampS)).toMatch(/^\d{10}$/);
    expect(got?.headers['x-zm-signature']).toBe(
      signWebhook({ secretToken: zoom.secretToken, timestampS, body: got?.body ?? '' }),
    );
    expect(got?.headers['user-agent']).toBe('Zoom Marketplace/1.0a');
    expect(JSON.parse(got?.body ?? '')).toEqual(event);
  });

  it('signs with another secret, timestamp or signature on request', async () => {
    const zoom = await startZoom();
    const receiver = await startAnswering(200);
    await zoom.send(receiver.url, '{}', { secret: 'other', timestampS: 1 });
    await zoom.send(receiver.url, '{}', { signature: 'v0=beef', headers: { 'x-more': 'yes' } });

    expect(receiver.received[0]?.headers).toMatchObject({
      'x-zm-request-timestamp': '1',
      'x-zm-signature': signWebhook({ secretToken: 'other', timestampS: 1, body: '{}' }),
    });
    expect(receiver.received[1]?.headers).toMatchObject({ 'x-zm-signature': 'v0=beef', 'x-more': 'yes' });
  });

  it.each([
    { statuses: [200], attempts: [200] },
    { statuses: [204], attempts: [204] },
    { statuses: [500, 503, 200], attempts: [500, 503, 200] },
    { statuses: [500], attempts: [500, 500, 500, 500] },
    { statuses: [302], attempts: [302] },
    { statuses: [401], attempts: [401] },
    { statuses: [429], attempts: [429] },
  ])('delivers to a receiver that answers $statuses in the attempts $attempts', async (given) => {
    const zoom = await startZoom();
    const receiver = await startAnswering(...given.statuses);
    const attempts = await zoom.deliver(receiver.url, { event: 'recording.started' });
    expect(attempts.map(({ status }) => status)).toEqual(given.attempts);
    expect(receiver.received).toHaveLength(given.attempts.length);
  });

  it('takes silence and a refused connection for something that may heal', async () => {
    const zoom = await startZoom({ answerTimeoutMs: 30, retryStepsMs: [1] });
    const silent = await startReceiver(() => {});
    const attempts = await zoom.deliver(silent.url, {});
    expect(attempts.map(({ status }) => status)).toEqual([-1, -1]);

    const gone = await startZoomSimulator();
    await gone.close();
    expect((await zoom.deliver(gone.url, {})).map(({ status }) => status)).toEqual([-2, -2]);
  });

  it('stops delivering when it is closed', async () => {
    const zoom = await startZoom({ retryStepsMs: [DAY_MS] });
    const receiver = await startAnswering(500);
    const delivery = zoom.deliver(receiver.url, {});
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1));
    await zoom.close();
    expect((await delivery).length).toBe(1);
  });

  describe('challenge', () => {
    function startAnsweringChallenge(secret: string, status = 200) {
      return startReceiver(({ body }, response) => {
        const plainToken = String(at(JSON.parse(body), 'payload.plainToken'));
        const answer = { plainToken, encryptedToken: encryptPlainToken(secret, plainToken) };
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      });
    }

    it('is signed and accepts the right answer only', async () => {
      const zoom = await startZoom();
      const right = await startAnsweringChallenge(zoom.secretToken);
      const wrong = await startAnsweringChallenge('other');
      const created = await startAnsweringChallenge(zoom.secretToken, 201);
      const empty = await startAnswering(200);

      expect(await zoom.validate(right.url)).toMatchObject({ isValid: true, status: 200 });
      expect(await zoom.validate(wrong.url)).toMatchObject({ isValid: false, status: 200 });
      expect(await zoom.validate(created.url)).toMatchObject({ isValid: false, status: 201 });
      expect(await zoom.validate(empty.url)).toMatchObject({ isValid: false });

      const [got] = right.received;
      const timestampS = Number(got?.headers['x-zm-request-timestamp']);
      expect(JSON.parse(got?.body ?? '')).toMatchObject({ event: 'endpoint.url_validation' });
      expect(got?.headers['x-zm-signature']).toBe(
        signWebhook({ secretToken: zoom.secretToken, timestampS, body: got?.body ?? '' }),
      );
    });

    it('is repeated, and six failures in a row end the subscription', async () => {
      const zoom = await startZoom();
      let isUp = true;
      const receiver = await startReceiver(({ body }, response) => {
        const plainToken = String(at(JSON.parse(body), 'payload.plainToken'));
        const encryptedToken = encryptPlainToken(zoom.secretToken, plainToken);
        response.writeHead(isUp ? 200 : 500).end(JSON.stringify({ plainToken, encryptedToken }));
      });
      const subscription = await zoom.subscribe(receiver.url, { revalidateEveryMs: 5 });
      expect(subscription.isEnabled).toBe(true);
      isUp = false;
      await vi.waitFor(() => expect(subscription.isEnabled).toBe(false));
      expect(subscription.failures).toBe(6);
    });
  });
});

describe('events', () => {
  it('has the fields of the recorded bodies', async () => {
    const zoom = await startZoom();
    const meeting = await zoom.addMeeting({
      topic: 'Algebra',
      files: [{ path }, { fileType: 'CC' }, { path, fileType: 'M4A', participantAudio: true }],
    });
    const read = (name: string): unknown =>
      JSON.parse(readFileSync(new URL(`../fixtures/zoom/${name}.json`, import.meta.url), 'utf8'));
    const ours = zoom.recordingCompleted(meeting);
    const five = read('five-views');
    const object = 'payload.object';
    for (const way of [
      'payload',
      object,
      `${object}.recording_files.0`,
      `${object}.participant_audio_files.0`,
    ]) {
      expect(keys(at(ours, way)), way).toEqual(keys(at(five, way)));
    }
    expect(keys(ours)).toEqual(keys(five));
    const second = `${object}.recording_files.1`;
    expect(keys(at(ours, second))).toEqual(keys(at(read('thin-entries'), second)));
    expect(keys(zoom.trash(meeting).payload)).toEqual(keys(at(read('recording-trashed'), 'payload')));
  });

  it('keeps recorded bodies that are all of one kind of shape and name nobody', () => {
    const folderUrl = new URL('../fixtures/zoom/', import.meta.url);
    const names = readdirSync(folderUrl);
    expect(names).toHaveLength(17);
    for (const name of names) {
      const text = readFileSync(new URL(name, folderUrl), 'utf8');
      const body: unknown = JSON.parse(text);
      expect(at(body, 'event'), name).toMatch(/^recording\./);
      expect(at(body, 'payload.object.recording_files.0.download_url'), name).toBeDefined();
      expect(text.match(/https:\/\/[^/"]+/g)?.every((origin) => origin.endsWith('.example.com'))).toBe(true);
    }
  });

  it('tells size and times of the file on disk, and changes what it is told to change', async () => {
    const zoom = await startZoom();
    const meeting = await addOne(zoom, { uuid: SLASHED_UUID });
    expect(meeting.files[0]).toMatchObject({ bytes: content.length, status: 'completed' });
    expect(meeting.files[0]?.downloadUrl).toContain('/rec/webhook_download/');

    const event = zoom.recordingCompleted(meeting, {
      download_token: null,
      payload: { object: { duration: 0, extra: true } },
    });
    expect(event.download_token).toBeUndefined();
    expect(event.payload.object).toMatchObject({ uuid: SLASHED_UUID, duration: 0, extra: true });
    expect(event.payload.object.recording_files[0]).toMatchObject({
      meeting_id: SLASHED_UUID,
      file_size: content.length,
    });
  });

  it('carries a token of the shape Zoom uses, counted from the event', async () => {
    const zoom = await startZoom();
    const event = zoom.recordingCompleted(await addOne(zoom));
    const [header, claims] = (event.download_token ?? '')
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString('utf8'));
    expect(JSON.parse(header ?? '')).toEqual({ alg: 'HS512', typ: 'JWT' });
    expect(JSON.parse(claims ?? '')).toMatchObject({
      iss: 'https://event.zoom.us',
      aud: 'https://oauth.zoom.us',
      accountId: zoom.accountId,
      mid: event.payload.object.uuid,
      exp: Math.floor((event.event_ts + DAY_MS) / 1000),
    });
  });

  it('keeps the transcript back until it is told of', async () => {
    const zoom = await startZoom();
    const meeting = await zoom.addMeeting({
      topic: 'T',
      files: [{ path }, { path, fileType: 'TRANSCRIPT' }],
    });
    const typesIn = (event: ReturnType<typeof zoom.recordingCompleted>) =>
      event.payload.object.recording_files.map(({ file_type }) => file_type);
    expect(typesIn(zoom.recordingCompleted(meeting))).toEqual(['MP4']);
    const later = zoom.transcriptCompleted(meeting);
    expect(later.event).toBe('recording.transcript_completed');
    expect(typesIn(later)).toEqual(['TRANSCRIPT']);
    expect(typesIn(zoom.recordingCompleted(meeting))).toEqual(['MP4', 'TRANSCRIPT']);
  });
});

describe('downloads', () => {
  it('redirects to another origin, which sends the bytes without a credential', async () => {
    const zoom = await startZoom();
    const url = await signedUrl(zoom);
    expect(new URL(url).origin).toBe(zoom.cdnUrl);
    expect(zoom.cdnUrl).not.toBe(zoom.webUrl);

    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe(String(content.length));
    expect(answer.headers.get('content-type')).toBe('video/mp4');
    expect(answer.headers.get('accept-ranges')).toBe('bytes');
    expect(sha1(Buffer.from(await answer.arrayBuffer()))).toBe(sha1(content));
    expect(zoom.leaks).toBe(0);
  });

  it('counts requests that bring the token along', async () => {
    const zoom = await startZoom();
    const url = await signedUrl(zoom);
    const answer = await fetch(url, bearer('leaked'));
    await answer.arrayBuffer();
    expect(answer.status).toBe(200);
    expect(zoom.leaks).toBe(1);
  });

  it('refuses a URL that was tampered with or is too old', async () => {
    const zoom = await startZoom();
    const url = await signedUrl(zoom);
    expect((await fetch(url.replace('Signature=', 'Signature=x'))).status).toBe(403);
    expect((await fetch(url.replace(/Expires=\d+/, 'Expires=9999999999'))).status).toBe(403);
    const old = await startZoom({ cdnLinkTtlMs: -5000 });
    expect((await fetch(await signedUrl(old))).status).toBe(403);
  });

  it('gives duplicates a URL and a token of their own, and all of them work', async () => {
    const zoom = await startZoom();
    const meeting = await addOne(zoom);
    const events = [zoom.recordingCompleted(meeting), zoom.recordingCompleted(meeting)];
    const urls = events.map((event) => event.payload.object.recording_files[0]?.download_url);
    expect(new Set(urls).size).toBe(2);
    expect(new Set(events.map((event) => event.download_token)).size).toBe(2);
    for (const url of urls) for (const event of events) await redirectOf(url, event.download_token);
  });

  it('wants the token in the header: one in the query is error 124', async () => {
    const zoom = await startZoom();
    const event = zoom.recordingCompleted(await addOne(zoom));
    const url = `${event.payload.object.recording_files[0]?.download_url}?access_token=${event.download_token}`;
    const answer = await fetch(url, { redirect: 'manual' });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toMatchObject({ code: 124 });
  });

  it('shows a page with status 200 for every credential that is not the right one', async () => {
    const zoom = await startZoom();
    const meeting = await addOne(zoom);
    const event = zoom.recordingCompleted(meeting);
    const other = zoom.recordingCompleted(await addOne(zoom));
    const late = zoom.recordingCompleted(meeting, { event_ts: Date.now() - 2.5 * DAY_MS });
    const url = String(event.payload.object.recording_files[0]?.download_url);

    await expectPage(await fetch(url, { redirect: 'manual' }));
    await expectPage(await fetch(url, bearer('nonsense')));
    await expectPage(await fetch(url, bearer(other.download_token)));
    await expectPage(await fetch(url, bearer(late.download_token)));
    await expectPage(await fetch(url, bearer(await accessToken(zoom))));
    await redirectOf(url, event.download_token);
    zoom.expireTokens();
    await expectPage(await fetch(url, bearer(event.download_token)));
    await redirectOf(url, zoom.recordingCompleted(meeting).download_token);
  });

  it('shows a page for a file in the trash until it is recovered', async () => {
    const zoom = await startZoom();
    const meeting = await addOne(zoom);
    const event = zoom.recordingCompleted(meeting);
    const url = String(event.payload.object.recording_files[0]?.download_url);
    expect(zoom.trash(meeting).event).toBe('recording.trashed');
    await expectPage(await fetch(url, bearer(event.download_token)));
    const target = `/meetings/${toPathSegment(meeting.uuid)}/recordings/status`;
    expect((await rest(zoom, 'PUT', target, { action: 'recover' })).status).toBe(204);
    await redirectOf(url, event.download_token);
  });

  it('continues where it is asked to, as long as the file is the same', async () => {
    const zoom = await startZoom();
    const url = await signedUrl(zoom);
    const head = await fetch(url, { method: 'HEAD' });
    const etag = String(head.headers.get('etag'));
    const lastModified = String(head.headers.get('last-modified'));
    expect(head.headers.get('content-length')).toBe(String(content.length));

    const range = `bytes=${content.length - 1_500_000}-`;
    const validators: readonly Record<string, string>[] = [
      {},
      { 'if-range': etag },
      { 'if-range': lastModified },
    ];
    for (const validator of validators) {
      const answer = await fetch(url, { headers: { range, ...validator } });
      expect(answer.status).toBe(206);
      expect(answer.headers.get('content-range')).toBe(
        `bytes ${content.length - 1_500_000}-${content.length - 1}/${content.length}`,
      );
      expect(sha1(Buffer.from(await answer.arrayBuffer()))).toBe(sha1(content.subarray(-1_500_000)));
    }

    await utimes(path, new Date(0), new Date(0));
    const changed = await fetch(url, { headers: { range, 'if-range': etag } });
    expect(changed.status).toBe(200);
    expect((await changed.arrayBuffer()).byteLength).toBe(content.length);
  });

  it.each([
    { range: 'bytes=0-0', status: 206, bytes: 1 },
    { range: 'bytes=-5', status: 206, bytes: 5 },
    { range: 'bytes=10-99999999', status: 206, bytes: 2 * 1024 * 1024 + 311 },
    { range: 'bytes=5-4', status: 200, bytes: 2 * 1024 * 1024 + 321 },
    { range: 'bytes=0-1,5-6', status: 200, bytes: 2 * 1024 * 1024 + 321 },
    { range: 'items=0-1', status: 200, bytes: 2 * 1024 * 1024 + 321 },
  ])('answers $range with $status', async ({ range, status, bytes }) => {
    const zoom = await startZoom();
    const answer = await fetch(await signedUrl(zoom), { headers: { range } });
    expect(answer.status).toBe(status);
    expect((await answer.arrayBuffer()).byteLength).toBe(bytes);
  });

  it('answers a range behind the end with 416 and the size', async () => {
    const zoom = await startZoom();
    const range = `bytes=${content.length}-`;
    const answer = await fetch(await signedUrl(zoom), { headers: { range } });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe(`bytes */${content.length}`);
  });

  it('sends the whole file whatever is asked when ranges are switched off', async () => {
    const zoom = await startZoom({ supportsRange: false });
    const answer = await fetch(await signedUrl(zoom), { headers: { range: 'bytes=5-' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('accept-ranges')).toBe('none');
    expect((await answer.arrayBuffer()).byteLength).toBe(content.length);
  });

  it('breaks off in the middle on request', async () => {
    const zoom = await startZoom();
    const url = await signedUrl(zoom);
    zoom.cdn.fail({ on: 'GET *', cutAfterBytes: 100_000 });
    const answer = await fetch(url);
    await expect(answer.arrayBuffer()).rejects.toThrow();
    expect((await (await fetch(url)).arrayBuffer()).byteLength).toBe(content.length);
  });

  it('serves thin entries', async () => {
    const zoom = await startZoom();
    const meeting = await zoom.addMeeting({ topic: 'T', files: [{ path }, { fileType: 'CC' }, {}] });
    const event = zoom.recordingCompleted(meeting);
    const [, cc, timeline] = event.payload.object.recording_files;
    expect([cc?.id, cc?.status, timeline?.file_size]).toEqual([undefined, undefined, undefined]);
    expect([cc?.file_type, timeline?.file_type]).toEqual(['CC', 'TIMELINE']);
    const answer = await fetch(await redirectOf(cc?.download_url, event.download_token));
    expect(await answer.text()).toBe('WEBVTT\n');
  });
});

describe('OAuth', () => {
  it('gives an access token for the account credentials', async () => {
    const zoom = await startZoom();
    const answer = await requestToken(zoom, {
      grant_type: 'account_credentials',
      account_id: zoom.accountId,
    });
    expect(await answer.json()).toMatchObject({
      token_type: 'bearer',
      expires_in: 3600,
      api_url: zoom.webUrl,
    });
  });

  it('refuses wrong credentials, grants and accounts', async () => {
    const zoom = await startZoom();
    const form = { grant_type: 'account_credentials', account_id: zoom.accountId };
    expect((await requestToken(zoom, form, 'wrong')).status).toBe(401);
    expect((await requestToken(zoom, { ...form, grant_type: 'client_credentials' })).status).toBe(400);
    expect((await requestToken(zoom, { ...form, account_id: 'other' })).status).toBe(400);
  });

  it('ends access tokens on request, which is error 124 with 401', async () => {
    const zoom = await startZoom();
    const token = await accessToken(zoom);
    const ask = () => fetch(`${zoom.apiUrl}/users`, bearer(token));
    expect((await ask()).status).toBe(200);
    zoom.expireTokens();
    expect((await ask()).status).toBe(200);
    zoom.expireTokens('access');
    const answer = await ask();
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 124 });
  });
});

describe('REST', () => {
  it.each([
    { uuid: SLASHED_UUID, segment: '%252FajXp112QmuoKj4854875%253D%253D', status: 200 },
    { uuid: SLASHED_UUID, segment: '%2FajXp112QmuoKj4854875%3D%3D', status: 404 },
    { uuid: SLASHED_UUID, segment: SLASHED_UUID, status: 404 },
    { uuid: 'a//b+c==', segment: 'a%252F%252Fb%252Bc%253D%253D', status: 200 },
    { uuid: 'a//b+c==', segment: 'a%2F%2Fb%2Bc%3D%3D', status: 404 },
    { uuid: 'a/b+c==', segment: 'a%2Fb%2Bc%3D%3D', status: 200 },
    { uuid: 'a/b+c==', segment: 'a/b+c==', status: 404 },
    { uuid: 'a/b+c==', segment: '%E0%A4%A', status: 404 },
  ])('finds $uuid as $segment: $status', async ({ uuid, segment, status }) => {
    const zoom = await startZoom();
    await addOne(zoom, { uuid });
    const answer = await rest(zoom, 'GET', `/meetings/${segment}/recordings`);
    expect(answer.status).toBe(status);
    if (status === 200) expect(answer.body).toMatchObject({ uuid });
  });

  it('finds the latest instance by meeting number', async () => {
    const zoom = await startZoom();
    const id = 85_512_345_678;
    const add = (uuid: string, startTime: string) =>
      zoom.addMeeting({ topic: 'T', id, uuid, startTime, files: [{ path }] });
    await add('late==', '2026-01-12T09:00:00Z');
    await add('early==', '2026-01-05T09:00:00Z');
    expect((await rest(zoom, 'GET', `/meetings/${id}/recordings`)).body).toMatchObject({ uuid: 'late==' });
  });

  it('gives a download token of the life asked for, and only if asked', async () => {
    const zoom = await startZoom();
    const meeting = await addOne(zoom);
    const target = `/meetings/${toPathSegment(meeting.uuid)}/recordings`;
    expect(at((await rest(zoom, 'GET', target)).body, 'download_access_token')).toBeUndefined();

    const wanted = `${target}?include_fields=download_access_token&ttl=604800`;
    const { body } = await rest(zoom, 'GET', wanted);
    const url = String(at(body, 'recording_files.0.download_url'));
    const tokenIn = (answer: unknown) => String(at(answer, 'download_access_token'));
    expect(url).toContain('/rec/download/');
    await redirectOf(url, tokenIn(body));
    await redirectOf(url, await accessToken(zoom));
    await expectPage(await fetch(url, bearer(zoom.recordingCompleted(meeting).download_token)));

    const brief = await rest(zoom, 'GET', wanted.replace('604800', '0'));
    await expectPage(await fetch(url, bearer(tokenIn(brief.body))));
    const tooLong = await rest(zoom, 'GET', wanted.replace('604800', '604801'));
    expect([tooLong.status, at(tooLong.body, 'code')]).toEqual([400, 300]);
  });

  it('knows no recording of an unknown meeting', async () => {
    const zoom = await startZoom();
    const answer = await rest(zoom, 'GET', '/meetings/nothing%3D%3D/recordings');
    expect([answer.status, at(answer.body, 'code')]).toEqual([404, 3301]);
  });

  it('trashes, recovers and deletes a recording and single files of it', async () => {
    const zoom = await startZoom();
    const meeting = await zoom.addMeeting({ topic: 'T', files: [{ path }, { path }] });
    const target = `/meetings/${toPathSegment(meeting.uuid)}/recordings`;
    const states = () => zoom.meeting(meeting)?.files.map(({ state }) => state);
    const call = async (method: string, tail: string, json?: object) =>
      (await rest(zoom, method, `${target}${tail}`, json)).status;

    expect(await call('DELETE', '?action=burn')).toBe(400);
    expect(await call('DELETE', `/${meeting.files[0]?.id}?action=trash`)).toBe(204);
    expect(states()).toEqual(['trashed', 'present']);
    expect(at((await rest(zoom, 'GET', target)).body, 'recording_files')).toHaveLength(1);
    expect(await call('PUT', `/${meeting.files[0]?.id}/status`, { action: 'recover' })).toBe(204);
    expect(states()).toEqual(['present', 'present']);
    expect(await call('DELETE', '')).toBe(204);
    expect(states()).toEqual(['trashed', 'trashed']);
    expect(await call('GET', '')).toBe(404);
    expect(await call('PUT', '/status', { action: 'restore' })).toBe(400);
    expect(await call('DELETE', '?action=delete')).toBe(204);
    expect(states()).toEqual(['deleted', 'deleted']);
    expect(await call('PUT', '/status', { action: 'recover' })).toBe(404);
  });

  it('lists by day and page, for a user and for the account', async () => {
    const zoom = await startZoom();
    for (let day = 1; day <= 5; day += 1) {
      await zoom.addMeeting({
        topic: `Day ${day}`,
        hostEmail: day === 5 ? 'other@example.com' : 'tutor@example.com',
        startTime: `2026-01-0${day}T23:59:59Z`,
        files: [{ path }],
      });
    }
    const topics = (body: unknown) => each(at(body, 'meetings'), 'topic');
    const span = 'from=2026-01-02&to=2026-01-05';
    const all = await rest(zoom, 'GET', `/accounts/me/recordings?${span}`);
    expect(topics(all.body)).toEqual(['Day 5', 'Day 4', 'Day 3', 'Day 2']);

    const target = `/users/tutor%40example.com/recordings?${span}&page_size=2`;
    const first = await rest(zoom, 'GET', target);
    expect(first.body).toMatchObject({
      from: '2026-01-02',
      to: '2026-01-05',
      total_records: 3,
      page_size: 2,
    });
    expect(topics(first.body)).toEqual(['Day 4', 'Day 3']);
    const second = await rest(zoom, 'GET', `${target}&next_page_token=${at(first.body, 'next_page_token')}`);
    expect(topics(second.body)).toEqual(['Day 2']);
    expect(at(second.body, 'next_page_token')).toBe('');

    const wrong = await rest(zoom, 'GET', `${target}&next_page_token=zzz`);
    expect([wrong.status, at(wrong.body, 'code')]).toEqual([400, 300]);
    const { body: users } = await rest(zoom, 'GET', '/users');
    expect(each(at(users, 'users'), 'email')).toContain('other@example.com');
    expect((await rest(zoom, 'GET', `/users/me/recordings?${span}`)).body).toMatchObject({
      total_records: 0,
    });
    const stranger = await rest(zoom, 'GET', `/users/nobody/recordings?${span}`);
    expect([stranger.status, at(stranger.body, 'code')]).toEqual([400, 1010]);
  });

  it('shortens a span of more than a month to its last month', async () => {
    const zoom = await startZoom();
    const { body } = await rest(zoom, 'GET', '/accounts/me/recordings?from=2025-01-01&to=2026-01-05');
    expect(body).toMatchObject({ from: '2025-12-05', to: '2026-01-05' });
  });

  it('limits the rate in both styles on request', async () => {
    const zoom = await startZoom();
    zoom.fail(perSecondLimit('GET /v2/users'));
    zoom.fail(dailyLimit('GET /v2/users', new Date('2026-01-06T00:00:00Z')));
    const perSecond = await rest(zoom, 'GET', '/users');
    expect([perSecond.status, at(perSecond.body, 'code')]).toEqual([429, 429]);
    expect(perSecond.headers.get('x-ratelimit-type')).toBe('QPS');
    expect(perSecond.headers.get('retry-after')).toBeNull();
    const daily = await rest(zoom, 'GET', '/users');
    expect([daily.status, daily.headers.get('x-ratelimit-type')]).toEqual([429, 'Daily-limit']);
    expect(daily.headers.get('retry-after')).toBe('2026-01-06T00:00:00Z');
    expect((await rest(zoom, 'GET', '/users')).status).toBe(200);
  });
});

describe('from another process', () => {
  async function call(zoom: ZoomSimulator, method: string, name: string, json?: object) {
    const answer = await fetch(`${zoom.url}/__sim/${name}`, { method, body: json && JSON.stringify(json) });
    const text = await answer.text();
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: answer.status, body };
  }

  it('adds meetings, sends, delivers, validates and expires tokens', async () => {
    const zoom = await startZoom();
    const receiver = await startAnswering(503, 200);
    const webhookUrl = receiver.url;

    const added = await call(zoom, 'POST', 'meetings', { topic: 'Algebra', files: [{ path }] });
    expect(added.status).toBe(201);
    expect(at(added.body, 'files.0.bytes')).toBe(content.length);
    const meetingUuid = at(added.body, 'uuid');
    expect((await call(zoom, 'GET', 'meetings')).body).toMatchObject([{ uuid: meetingUuid }]);

    const delivered = await call(zoom, 'POST', 'deliver', { meetingUuid, webhookUrl });
    expect(each(at(delivered.body, 'attempts'), 'status')).toEqual([503, 200]);
    const overrides = { payload: { object: { topic: 'Other' } } };
    const sent = await call(zoom, 'POST', 'send', { meetingUuid, webhookUrl, overrides });
    expect(sent.body).toMatchObject({ status: 200 });
    const event: unknown = JSON.parse(receiver.received.at(-1)?.body ?? '');
    expect(at(event, 'payload.object.topic')).toBe('Other');
    expect((await call(zoom, 'POST', 'validate', { webhookUrl })).body).toMatchObject({ isValid: false });

    const url = String(at(event, 'payload.object.recording_files.0.download_url'));
    const token = String(at(event, 'download_token'));
    await redirectOf(url, token);
    expect((await call(zoom, 'POST', 'expire-tokens')).status).toBe(204);
    await expectPage(await fetch(url, bearer(token)));
    expect((await call(zoom, 'GET', 'leaks')).body).toEqual({ leaks: 0 });
  });

  it('says what was wrong with a wish', async () => {
    const zoom = await startZoom();
    const answer = await call(zoom, 'POST', 'send', { meetingUuid: 'none', webhookUrl: zoom.url });
    expect([answer.status, at(answer.body, 'message')]).toEqual([400, 'Error: no meeting none']);
    expect((await call(zoom, 'POST', 'nonsense')).status).toBe(404);
  });
});

async function expectPage(answer: Response) {
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
  expect(await answer.text()).toContain('<!doctype html>');
}

function sha1(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('hex');
}
