import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BunnySimulator, startBunnySimulator } from '../../simulators/bunny/simulator.ts';
import {
  type Bunny,
  type BunnyOptions,
  createBunny,
  uploadSignature,
} from '../../src/outside/bunny/client.ts';
import { BODY_FAULTS, IDLE_TIMEOUT_MS, JSON_FAULTS, TRANSPORT_FAULTS } from '../support/transport-faults.ts';

const CREATE_VIDEO = 'POST /library/4321/videos';
const UPLOADS = '/tusupload/*';
const { signal } = new AbortController();

let simulator: BunnySimulator;
let bunny: Bunny;

beforeEach(async () => {
  simulator = await startBunnySimulator({ encodingStepMs: 1 });
  bunny = connect();
});

afterEach(() => simulator.close());

function connect(more: Partial<BunnyOptions> = {}): Bunny {
  const { url, libraryId, apiKey } = simulator;
  const idleTimeoutMs = IDLE_TIMEOUT_MS;
  return createBunny({ apiUrl: url, tusUrl: `${url}/tusupload`, libraryId, apiKey, idleTimeoutMs, ...more });
}

async function* chunksOf(text: string): AsyncGenerator<Buffer> {
  for (let at = 0; at < text.length; at += 4) yield Buffer.from(text.slice(at, at + 4));
}

/** A video with an upload of so many bytes begun. */
async function begin(bytes: number) {
  const { videoId } = await bunny.createVideo({ title: 'Algebra', signal });
  const { uploadUrl } = await bunny.createUpload({
    videoId,
    bytes,
    title: 'Algebra',
    mediaType: 'video/mp4',
    signal,
  });
  return { videoId, uploadUrl };
}

function append(target: { videoId: string; uploadUrl: string }, offset: number, text: string) {
  return bunny.appendToUpload({ ...target, offset, bytes: text.length, chunks: chunksOf(text), signal });
}

const offsetOf = (target: { videoId: string; uploadUrl: string }) =>
  bunny.uploadOffset({ ...target, signal });

describe('a video', () => {
  it('is empty at first and playable once its bytes have come and were encoded', async () => {
    const target = await begin(10);
    const { videoId } = target;
    const known = { videoId, title: 'Algebra', status: 'empty', createdAtMs: expect.any(Number) };
    expect(await bunny.getVideo({ videoId, signal })).toMatchObject(known);

    expect(await append(target, 0, 'hello')).toEqual({ offset: 5 });
    expect(await offsetOf(target)).toEqual({ offset: 5, totalBytes: 10 });
    expect(await append(target, 5, 'world')).toEqual({ offset: 10 });

    expect(await buffer(simulator.read(videoId))).toEqual(Buffer.from('helloworld'));
    await vi.waitFor(async () =>
      expect(await bunny.getVideo({ videoId, signal })).toMatchObject({ status: 'playable' }),
    );
  });

  it('that cannot be encoded has failed', async () => {
    const target = await begin(5);
    simulator.failEncoding(target.videoId);
    await append(target, 0, 'hello');

    await vi.waitFor(async () =>
      expect(await bunny.getVideo({ videoId: target.videoId, signal })).toMatchObject({ status: 'failed' }),
    );
  });

  it.each([
    [0, 'empty'],
    [1, 'processing'],
    [2, 'processing'],
    [3, 'processing'],
    [4, 'playable'],
    [5, 'failed'],
    [6, 'upload-failed'],
    [7, 'processing'],
    [8, 'playable'],
    [9, 'unknown'],
    [99, 'unknown'],
  ])('with the API status %i is %s', async (status, expected) => {
    const body = JSON.stringify({ guid: 'g', title: null, status, dateUploaded: '2026-01-05T10:00:00.123' });
    simulator.fail({ on: 'GET /library/*', status: 200, body });

    expect(await bunny.getVideo({ videoId: 'g', signal })).toMatchObject({
      videoId: 'g',
      title: '',
      status: expected,
      createdAtMs: Date.parse('2026-01-05T10:00:00.123Z'),
    });
  });

  it('that Bunny does not know is undefined', async () => {
    expect(await bunny.getVideo({ videoId: 'no-such-video', signal })).toBeUndefined();
  });

  it('is found by its title, the newest first', async () => {
    const first = await bunny.createVideo({ title: 'Algebra & more +1 [rec_1]', signal });
    await bunny.createVideo({ title: 'Geometry [rec_2]', signal });
    const second = await bunny.createVideo({ title: 'Algebra & more +1 [rec_1]', signal });

    const found = await bunny.findVideos({ search: '& more +1 [rec_1]', signal });

    expect(found.map(({ videoId }) => videoId)).toEqual([second.videoId, first.videoId]);
  });
});

describe('the API', () => {
  it('hears the key of the library in a header, and never in an address', async () => {
    await bunny.createVideo({ title: 'Algebra', signal });
    await bunny.findVideos({ search: 'Algebra', signal });
    await bunny.getVideo({ videoId: 'x', signal });

    for (const { headers, path, query } of simulator.requests) {
      expect(headers['accesskey']).toBe(simulator.apiKey);
      expect(`${path}${query}`).not.toContain(simulator.apiKey);
    }
  });

  it('refuses another key, which somebody may put right', async () => {
    await expect(
      connect({ apiKey: 'wrong' }).createVideo({ title: 'Algebra', signal }),
    ).rejects.toMatchObject({
      code: 'REMOTE_UNAUTHORIZED',
      retry: 'backoff',
      message: expect.not.stringContaining('wrong'),
    });
  });

  it.each([...TRANSPORT_FAULTS, ...BODY_FAULTS, ...JSON_FAULTS])(
    'that meets %s',
    async (_name, fault, code, retry) => {
      simulator.fail({ on: CREATE_VIDEO, ...fault });

      await expect(bunny.createVideo({ title: 'Algebra', signal })).rejects.toMatchObject({ code, retry });
    },
  );

  it.each([...TRANSPORT_FAULTS, ...JSON_FAULTS])(
    'asked for a video that meets %s',
    async (_name, fault, code, retry) => {
      const { videoId } = await bunny.createVideo({ title: 'Algebra', signal });
      simulator.fail({ on: 'GET /library/*', ...fault });

      await expect(bunny.getVideo({ videoId, signal })).rejects.toMatchObject({ code, retry });
    },
  );

  it('whose answer was lost may have made the video: it is found by its title', async () => {
    simulator.fail({ on: CREATE_VIDEO, drop: 'after-handling' });

    await expect(bunny.createVideo({ title: 'Algebra [rec_1]', signal })).rejects.toBeDefined();

    expect(await bunny.findVideos({ search: '[rec_1]', signal })).toHaveLength(1);
  });
});

describe('captions', () => {
  const text = Buffer.from('WEBVTT\n\n00:01.000 --> 00:02.000\nHéllo 你好\n');

  it('are set on a video, and set again replace those of the same language', async () => {
    const { videoId } = await bunny.createVideo({ title: 'Algebra', signal });
    const captions = { videoId, language: 'en', label: 'English', signal };

    await bunny.setCaptions({ ...captions, text: Buffer.from('WEBVTT\n') });
    await bunny.setCaptions({ ...captions, text });
    await bunny.setCaptions({ ...captions, language: 'de', label: 'German', text });

    expect(simulator.videos()[0]?.captions).toEqual([
      { srclang: 'en', label: 'English', text: text.toString() },
      { srclang: 'de', label: 'German', text: text.toString() },
    ]);
  });

  it('of a video that is gone are refused', async () => {
    await expect(
      bunny.setCaptions({ videoId: 'gone', language: 'en', label: 'English', text, signal }),
    ).rejects.toMatchObject({ code: 'REMOTE_REJECTED', retry: 'backoff' });
  });
});

describe('a collection', () => {
  it('is found by its whole name, on whatever page, and made where it is missing', async () => {
    for (let n = 0; n < 120; n += 1) await bunny.createCollection({ name: `Algebra ${n}`, signal });
    expect(await bunny.findCollection({ name: 'Algebra', signal })).toBeUndefined();

    const { collectionId } = await bunny.createCollection({ name: 'algebra', signal });

    expect(await bunny.findCollection({ name: 'algebra', signal })).toEqual({ collectionId });
    expect(await bunny.findCollection({ name: 'Algebra 0', signal })).toEqual({
      collectionId: simulator.collections()[0]?.guid,
    });
  });

  it('is where a video is made', async () => {
    const { collectionId } = await bunny.createCollection({ name: 'Algebra', signal });
    await bunny.createVideo({ title: 'One', collectionId, signal });

    expect(simulator.videos()).toMatchObject([{ title: 'One', collectionId }]);
  });
});

describe('the upload endpoint', () => {
  it('hears the signature on every verb, and the key on none', async () => {
    const nowMs = Date.now();
    bunny = connect({ now: () => nowMs });
    const target = await begin(5);
    await offsetOf(target);
    await append(target, 0, 'hello');

    const sent = simulator.requests.filter(({ path }) => path.startsWith('/tusupload'));
    const expiresAtS = Math.floor(nowMs / 1000) + 6 * 3600;
    const { libraryId, apiKey } = simulator;
    expect(sent.map(({ method }) => method)).toEqual(['POST', 'HEAD', 'PATCH']);
    for (const { headers } of sent) {
      expect(headers).toMatchObject({
        'tus-resumable': '1.0.0',
        authorizationsignature: uploadSignature({ libraryId, apiKey, expiresAtS, videoId: target.videoId }),
        authorizationexpire: String(expiresAtS),
        videoid: target.videoId,
        libraryid: libraryId,
      });
      expect(JSON.stringify(headers)).not.toContain(apiKey);
    }
  });

  it('hears a fresh signature with each request, so that none runs out in a long upload', async () => {
    let nowMs = Date.now();
    bunny = connect({ now: () => nowMs });
    const target = await begin(10);
    await append(target, 0, 'hello');
    nowMs += 7 * 3_600_000;

    await expect(append(target, 5, 'world')).resolves.toEqual({ offset: 10 });
  });

  it('is told the title and the type', async () => {
    const { videoId } = await bunny.createVideo({ title: 'x', signal });
    await bunny.createUpload({ videoId, bytes: 5, title: 'Übung, 自 +', mediaType: 'video/webm', signal });

    const sent = simulator.requests.find(({ path }) => path === '/tusupload');
    const metadata = Object.fromEntries(
      String(sent?.headers['upload-metadata'])
        .split(',')
        .map((pair) => pair.split(' '))
        .map(([key, value = '']) => [key, Buffer.from(value, 'base64').toString()]),
    );
    expect(metadata).toEqual({ filetype: 'video/webm', title: 'Übung, 自 +' });
    expect(sent?.headers['upload-length']).toBe('5');
  });

  it('may answer with an address without a host', async () => {
    simulator.fail({ on: 'POST /tusupload', status: 201, headers: { location: '/tusupload/abc' } });
    const input = { videoId: 'x', bytes: 5, title: 'x', mediaType: 'video/mp4', signal };

    expect(await bunny.createUpload(input)).toEqual({ uploadUrl: `${simulator.url}/tusupload/abc` });
  });

  it.each([
    ['without an address', { status: 201 }, 'REMOTE_ANSWER_INVALID'],
    ['with a success that made nothing', { status: 200 }, 'REMOTE_ANSWER_INVALID'],
  ] as const)('that answers %s is asked again', async (_name, fault, code) => {
    simulator.fail({ on: 'POST /tusupload', ...fault });

    await expect(begin(5)).rejects.toMatchObject({ code, retry: 'backoff' });
  });

  it('that does not know the video may be asked for another one', async () => {
    const input = { videoId: 'no-such-video', bytes: 5, title: 'x', mediaType: 'video/mp4', signal };

    await expect(bunny.createUpload(input)).rejects.toMatchObject({
      code: 'REMOTE_REJECTED',
      retry: 'backoff',
    });
  });

  it.each(TRANSPORT_FAULTS)('asked for an upload that meets %s', async (_name, fault, code, retry) => {
    simulator.fail({ on: 'POST /tusupload', ...fault });

    await expect(begin(5)).rejects.toMatchObject({ code, retry });
  });
});

describe('the offset of an upload', () => {
  it.each([404, 410])('is undefined after a %i', async (status) => {
    const target = await begin(5);
    simulator.fail({ on: `HEAD ${UPLOADS}`, status });

    expect(await offsetOf(target)).toBeUndefined();
  });

  it('is undefined once Bunny has thrown the upload away', async () => {
    const target = await begin(5);
    await simulator.purgeUploads();

    expect(await offsetOf(target)).toBeUndefined();
  });

  it.each([
    ['a 401', { status: 401 }, 'REMOTE_UNAUTHORIZED', 'backoff'],
    ['a 409', { status: 409 }, 'REMOTE_UNAVAILABLE', { afterMs: 2000 }],
    ['a 423', { status: 423 }, 'REMOTE_UNAVAILABLE', { afterMs: 2000 }],
    ['a success without an offset', { status: 200 }, 'REMOTE_ANSWER_INVALID', 'backoff'],
    [
      'an offset that is no number',
      { status: 200, headers: { 'upload-offset': 'ten' } },
      'REMOTE_ANSWER_INVALID',
      'backoff',
    ],
    ...TRANSPORT_FAULTS,
  ] as const)('after %s is not known', async (_name, fault, code, retry) => {
    const target = await begin(5);
    simulator.fail({ on: `HEAD ${UPLOADS}`, ...fault });

    await expect(offsetOf(target)).rejects.toMatchObject({ code, retry });
  });
});

describe('an append', () => {
  it.each([
    ['a 401', { status: 401 }, 'REMOTE_UNAUTHORIZED', 'backoff'],
    ['a 404', { status: 404 }, 'REMOTE_REJECTED', 'backoff'],
    ['a 410', { status: 410 }, 'REMOTE_REJECTED', 'backoff'],
    ['a 413', { status: 413 }, 'REMOTE_REJECTED', 'backoff'],
    ['a 409', { status: 409 }, 'REMOTE_UNAVAILABLE', { afterMs: 2000 }],
    ['a 423', { status: 423 }, 'REMOTE_UNAVAILABLE', { afterMs: 2000 }],
    ['a success without an offset', { status: 204 }, 'REMOTE_ANSWER_INVALID', 'backoff'],
    ['a redirect', { status: 307, headers: { location: '/x' } }, 'REMOTE_ANSWER_INVALID', 'backoff'],
    ...TRANSPORT_FAULTS,
    ...BODY_FAULTS,
  ] as const)('that meets %s', async (_name, fault, code, retry) => {
    const target = await begin(5_000);
    simulator.fail({ on: `PATCH ${UPLOADS}`, ...fault });

    await expect(append(target, 0, 'x'.repeat(5_000))).rejects.toMatchObject({ code, retry });
  });

  it('that moves nothing on is no success', async () => {
    const target = await begin(5);
    simulator.interruptPatch({ acceptBytes: 0, status: 204 });

    await expect(append(target, 0, 'hello')).rejects.toMatchObject({
      code: 'REMOTE_ANSWER_INVALID',
      retry: 'backoff',
    });
  });

  it('that was taken in part says how far it came', async () => {
    const target = await begin(5);
    simulator.interruptPatch({ acceptBytes: 2, status: 204 });

    expect(await append(target, 0, 'hello')).toEqual({ offset: 2 });
  });

  it('that failed has left behind what arrived of it', async () => {
    const target = await begin(10);
    simulator.fail({ on: `PATCH ${UPLOADS}`, drop: 'during-body', cutAfterBytes: 4 });

    await expect(append(target, 0, 'helloworld')).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });

    await vi.waitFor(async () => expect(await offsetOf(target)).toEqual({ offset: 4, totalBytes: 10 }));
    // The broken request may hold the upload a moment longer.
    await vi.waitFor(async () => expect(await append(target, 4, 'oworld')).toEqual({ offset: 10 }));
    expect(await buffer(simulator.read(target.videoId))).toEqual(Buffer.from('helloworld'));
  });

  it('whose answer was lost is at the offset that it reached', async () => {
    const target = await begin(10);
    simulator.fail({ on: `PATCH ${UPLOADS}`, drop: 'after-handling' });

    await expect(append(target, 0, 'hello')).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });

    expect(await offsetOf(target)).toEqual({ offset: 5, totalBytes: 10 });
  });

  it('at another offset than the upload has is to wait and look again', async () => {
    const target = await begin(10);
    await append(target, 0, 'hello');

    await expect(append(target, 0, 'hello')).rejects.toMatchObject({
      code: 'REMOTE_UNAVAILABLE',
      retry: { afterMs: 2000 },
    });
  });

  it('ends with the reason of its signal', async () => {
    const target = await begin(5);
    const stopping = new AbortController();
    simulator.fail({ on: `PATCH ${UPLOADS}`, stall: true });

    const appending = bunny.appendToUpload({
      ...target,
      offset: 0,
      bytes: 5,
      chunks: chunksOf('hello'),
      signal: stopping.signal,
    });
    await vi.waitFor(() => expect(simulator.faults.struck).toBe(1));
    stopping.abort(new Error('shutdown'));

    await expect(appending).rejects.toThrow('shutdown');
  });
});

describe('the library', () => {
  it('is counted', async () => {
    expect(await bunny.countVideos({ signal })).toBe(0);
    await bunny.createVideo({ title: 'One', signal });
    await bunny.createVideo({ title: 'Two', signal });

    expect(await bunny.countVideos({ signal })).toBe(2);
  });

  it('is not told to a wrong key', async () => {
    const stranger = connect({ apiKey: 'wrong' });

    await expect(stranger.countVideos({ signal })).rejects.toMatchObject({ code: 'REMOTE_UNAUTHORIZED' });
  });
});
