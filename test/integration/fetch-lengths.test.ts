import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Checkpoints } from '../../src/domain/checkpoints.ts';
import { KnownError } from '../../src/domain/errors.ts';
import type { Recording } from '../../src/domain/recording.ts';
import type { OfferedBytes } from '../../src/engine/bytes.ts';
import type { FreshAddress, Source } from '../../src/engine/ports/source.ts';
import { createMediaGate, type MediaGate } from '../../src/lib/media-gate.ts';
import { createDownloadHosts } from '../../src/outside/web/download-hosts.ts';
import { createZoom } from '../../src/outside/zoom/downloads.ts';
import { createFetchTask } from '../../src/tasks/fetch.ts';
import { createSpool } from '../../src/tasks/support/spool.ts';
import { SAMPLE } from '../support/house.ts';
import { LONE_STEP } from '../support/lone-step.ts';
import { NO_INPUTS } from '../support/no-inputs.ts';
import { theseOf } from '../support/whole-tables.ts';

const HEAD = Buffer.from('\0\0\0\x20ftypmp42\0\0\0\0mp42mp41isomiso2', 'latin1');

let folder: string;
let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
/** What is asked of the server, by its range. */
let ranges: (string | undefined)[];
let checkpoint: Checkpoints['fetch'] | undefined;
let notes: string[];
let offeredBefore: boolean;
/** The server has the rest of a file wait until its beginning was offered. */
let awaitsOffer: boolean;
/** What Zoom's API says of the file today. */
let today: () => Promise<FreshAddress | undefined>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fetch-lengths-'));
  ranges = [];
  checkpoint = undefined;
  notes = [];
  awaitsOffer = false;
  today = async () => undefined;
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await rm(folder, { recursive: true });
});

/** A video as far as its first bytes tell; nothing in it says where it ends. */
function video(bytes: number): Buffer {
  return Buffer.concat([HEAD, randomBytes(bytes - HEAD.length)]);
}

/** Nothing that is known here, such as a film of a camera of its own. */
const unknown = (bytes: number) =>
  Buffer.concat([Buffer.from('00000000', 'hex'), Buffer.alloc(bytes - 4, 1)]);

interface Said {
  readonly gate?: MediaGate;
  readonly fileExtension?: string;
  readonly announcedBytes?: number | null;
  readonly companion?: string;
  readonly eventAgeMs?: number;
}

/** One attempt at a recording; what it has fetched, or the error. */
async function attempt({ announcedBytes = null, companion, eventAgeMs = 0, gate, fileExtension }: Said = {}) {
  const origin = {
    kind: 'zoom',
    downloadUrl: url,
    downloadToken: null,
    bytes: announcedBytes,
    eventAtMs: Date.now() - eventAgeMs,
  };
  const kind = companion === undefined ? 'video' : 'companion';
  const recording = {
    id: 'rec_1',
    kind,
    origin,
    bytes: announcedBytes,
    details: { companion, file_extension: fileExtension },
  };
  const client = createZoom({
    hosts: createDownloadHosts([new URL(url).origin]),
    apiUrl: url,
    oauthUrl: url,
    accounts: [],
    idleTimeoutMs: 2000,
  });
  const zoom: Source = { ...client, freshAddress: () => today() };
  const task = createFetchTask({
    inputs: NO_INPUTS,
    stores: new Map(),
    zoom,
    spool: createSpool(folder),
    recordings: { progress: () => Promise.reject(new Error('nothing is archived')) },
    disk: { usableBytes: async () => 1e12, requireBytes: async () => {} },
    patienceMs: 60_000,
    ...(gate === undefined ? {} : { media: gate }),
  });
  let offered: OfferedBytes | undefined;
  offeredBefore = false;
  try {
    const fact = await task.run({
      recording: recording as unknown as Recording,
      ...LONE_STEP,
      checkpoint,
      saveCheckpoint: async (saved) => {
        checkpoint = saved;
      },
      note: async (type) => {
        notes.push(type);
      },
      signal: new AbortController().signal,
      log: pino({ level: 'silent' }),
      make: (_output, source) => {
        offered = source;
        offeredBefore = !serverIsDone;
      },
    });
    return { ...fact, content: await readFile(fact.path) };
  } catch (error) {
    if (error instanceof KnownError) return error;
    throw error;
  } finally {
    await offered?.close();
  }
}

let serverIsDone = false;

/** Sends a body with its length, in chunks, or until it hangs up. */
function serve(body: Buffer, how: 'length' | 'chunks' | 'hang-up', headers: Record<string, string> = {}) {
  answer = (_request, response) => {
    serverIsDone = false;
    if (how === 'length') response.setHeader('content-length', body.length);
    if (how === 'hang-up') {
      response.useChunkedEncodingByDefault = false;
      response.shouldKeepAlive = false;
      response.removeHeader('transfer-encoding');
    }
    response.writeHead(200, { 'content-type': 'video/mp4', ...headers });
    response.write(body.subarray(0, 5000));
    const givenUpMs = performance.now() + 5000;
    const timer = setInterval(() => {
      if (awaitsOffer && !offeredBefore && performance.now() < givenUpMs) return;
      clearInterval(timer);
      serverIsDone = true;
      response.end(body.subarray(5000));
    }, 30);
  };
}

const says = (bytes: number | null) => async () => ({ url, token: 't', bytes });

describe('the length of a download', () => {
  it.each([
    ['the event says the same', 'length', 9000, undefined],
    ['nobody else says one', 'length', null, undefined],
    ['the API of today says the same, and the event another', 'length', 9500, says(9000)],
  ] as const)(
    'is sure, and the bytes are offered while they come, if %s',
    async (_name, how, announcedBytes, api) => {
      if (api !== undefined) today = api;
      awaitsOffer = true;
      serve(video(9000), how);

      expect(await attempt({ announcedBytes })).toMatchObject({ bytes: 9000 });
      expect(offeredBefore).toBe(true);
    },
  );

  it.each([
    ['chunks, and nobody says a length', 'chunks', null, undefined],
    ['chunks, and the event says the same', 'chunks', 9000, undefined],
    ['chunks, and the API says the same', 'chunks', 9500, says(9000)],
    ['hanging up, and the event says the same', 'hang-up', 9000, undefined],
    ['hanging up, and the API says the same', 'hang-up', null, says(9000)],
  ] as const)(
    'is believed at its end, and not offered before, after %s',
    async (_name, how, announcedBytes, api) => {
      if (api !== undefined) today = api;
      serve(video(9000), how);

      expect(await attempt({ announcedBytes })).toMatchObject({ bytes: 9000 });
      expect(offeredBefore).toBe(false);
    },
  );

  it.each([
    ['hanging up', 'hang-up', null, 2],
    ['an event that says another', 'length', 9500, 3],
    ['an event that says another, in chunks', 'chunks', 9500, 3],
  ] as const)('needs to be the same again after %s', async (_name, how, announcedBytes, times) => {
    serve(video(9000), how);

    for (let count = 1; count < times; count += 1) {
      expect(await attempt({ announcedBytes })).toMatchObject({
        code: 'DOWNLOAD_LENGTH_DIFFERS',
        retry: 'backoff',
      });
    }
    expect(await attempt({ announcedBytes })).toMatchObject({ bytes: 9000 });
    expect(notes).toEqual(['download.believed']);
  });

  it('is believed at once over the event if the file itself shows that it is whole', async () => {
    serve(await readFile(SAMPLE), 'length');

    expect(await attempt({ announcedBytes: 5 })).toMatchObject({ extension: 'mp4' });
  });

  it('is not believed over what the API says today, however often it comes within minutes', async () => {
    today = says(9500);
    serve(await readFile(SAMPLE), 'length');

    for (let count = 0; count < 8; count += 1) {
      expect(await attempt({ announcedBytes: 9500 })).toMatchObject({ code: 'DOWNLOAD_LENGTH_DIFFERS' });
    }
  });

  it('is looked at as without credentials if the API refuses', async () => {
    today = () => Promise.reject(new KnownError('no scope', { code: 'REMOTE_REJECTED' }));
    serve(await readFile(SAMPLE), 'length');

    expect(await attempt({ announcedBytes: 5 })).toMatchObject({ extension: 'mp4' });
  });

  it('of 0 is that of an empty transcript, and of no video', async () => {
    serve(Buffer.alloc(0), 'length', { 'content-type': 'text/vtt' });

    expect(await attempt({ companion: 'transcript' })).toMatchObject({ bytes: 0, extension: 'vtt' });
    checkpoint = undefined;
    expect(await attempt()).toMatchObject({ code: 'NOT_MEDIA', retry: 'backoff' });
  });
});

describe('a download whose first bytes do not tell what it is', () => {
  const late = { mime: 'video/x-late', extension: 'late' };

  /** A gate that knows such files by all of their bytes. */
  const byTheWhole = (bytes: number): MediaGate => ({
    look: async () => ({ kind: 'unsure' }),
    typeOf: async (file) =>
      typeof file !== 'string' && (await file.stat()).size === bytes ? late : undefined,
  });

  it.each(['length', 'chunks'] as const)(
    'is looked at as a whole before anybody reads it, if it comes by %s',
    async (how) => {
      serve(unknown(3_000_000), how);

      expect(await attempt({ gate: byTheWhole(3_000_000) })).toMatchObject({
        mediaType: 'video/x-late',
        extension: 'late',
      });
      expect(offeredBefore).toBe(false);
    },
  );

  it.each([
    ['mkv', unknown(9000)],
    ['MKV', Buffer.alloc(9000, 'text ')],
  ])('is let in by the ending %s, if an operator allows it', async (fileExtension, content) => {
    serve(content, 'length');
    const gate = createMediaGate({ allowed: ['mkv'] });

    expect(await attempt({ gate, fileExtension })).toMatchObject({ extension: 'mkv', bytes: 9000 });
  });

  it('is refused at its end if nobody knows what it is, and at once if it surely is something else', async () => {
    serve(unknown(9000), 'length');
    expect(await attempt()).toMatchObject({ code: 'NOT_MEDIA', retry: 'backoff' });
    awaitsOffer = true;
    serve(Buffer.alloc(9000, 'text '), 'length');
    expect(await attempt()).toMatchObject({ code: 'NOT_MEDIA', retry: 'backoff' });
    expect(serverIsDone).toBe(false);
  });

  it('is no recording if it is a page, whatever is allowed', async () => {
    serve(Buffer.from(`<!doctype html>${' '.repeat(9000)}`), 'length');

    expect(
      await attempt({ gate: createMediaGate({ allowed: ['mp4'] }), fileExtension: 'mp4' }),
    ).toMatchObject({
      code: 'DOWNLOAD_NOT_MEDIA',
    });
  });
});

describe('a download that is gone on with', () => {
  const first = video(400_000);

  /** Breaks off after half of the first file, and then answers as told. */
  async function interrupt(then: typeof answer): Promise<void> {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': first.length, etag: '"a"' });
      response.write(first.subarray(0, 200_000), () => setTimeout(() => response.destroy(), 50));
    };
    expect(await attempt()).toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    answer = then;
    ranges = [];
  }

  /** Answers any range of a file, whatever the client's conditions. */
  function anyRange(file: Buffer, headers: Record<string, string>): typeof answer {
    return (request, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const body = file.subarray(start);
      const range = { 'content-range': `bytes ${start}-${file.length - 1}/${file.length}` };
      const isPart = request.headers.range !== undefined;
      response.writeHead(isPart ? 206 : 200, {
        'content-type': 'video/mp4',
        'content-length': body.length,
        ...(isPart ? range : {}),
        ...headers,
      });
      response.end(body);
    };
  }

  it('sends its last bytes once more, and the rest', async () => {
    await interrupt(anyRange(first, { etag: '"a"' }));

    expect(await attempt()).toMatchObject({ content: first });
    const asked = Number(/\d+/.exec(ranges[0] ?? '')?.[0]);
    expect(asked).toBeGreaterThan(100_000);
    expect(asked).toBeLessThan(200_000);
    expect(ranges).toHaveLength(1);
  });

  const ALL_OTHERS = [
    ['another name', video(400_000), { etag: '"b"' }],
    ['the same name', video(400_000), { etag: '"a"' }],
    ['no name', video(400_000), {}],
    ['another length', video(500_000), { etag: '"a"' }],
    ['another date', video(400_000), { 'last-modified': 'Tue, 06 Jan 2026 10:00:00 GMT' }],
  ] as const;
  const OTHERS = theseOf(ALL_OTHERS, ['the same name', 'another date']);

  it.each(OTHERS)(
    'starts over if the server sends the rest of another file, by %s',
    async (_name, other, headers) => {
      await interrupt(anyRange(other, headers));
      const { contentId } = checkpoint ?? {};

      const fetched = await attempt();

      expect(fetched).toMatchObject({ content: other });
      expect(fetched).not.toMatchObject({ contentId });
      expect(ranges.at(-1)).toBeUndefined();
    },
  );

  it('starts over if the server answers in an envelope', async () => {
    await interrupt((request, response) => {
      if (request.headers.range === undefined) return anyRange(first, {})(request, response);
      response.writeHead(206, { 'content-type': 'multipart/byteranges; boundary=b' });
      response.end('--b--');
    });

    expect(await attempt()).toMatchObject({ content: first });
  });
});

describe('a page in place of a file', () => {
  beforeEach(() => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>');
    };
  });

  const fail = (code: ConstructorParameters<typeof KnownError>[1]['code'], more: object = {}) => {
    today = () => Promise.reject(new KnownError('Zoom says no', { code, ...more }));
  };

  it.each(['REMOTE_REJECTED', 'REMOTE_UNAUTHORIZED', 'REMOTE_UNAVAILABLE', 'REMOTE_ANSWER_INVALID'] as const)(
    'is waited for as without credentials if the API fails with %s',
    async (code) => {
      const without = await attempt();
      fail(code);

      expect(await attempt()).toMatchObject({
        code: 'DOWNLOAD_NOT_MEDIA',
        retry: { waitMs: expect.any(Number) },
      });
      expect(without).toMatchObject({ code: 'DOWNLOAD_NOT_MEDIA', retry: { waitMs: expect.any(Number) } });
    },
  );

  it('costs an attempt after that, but not while nobody can say where the file is', async () => {
    const late = { eventAgeMs: 3_600_000 };
    expect(await attempt(late)).toMatchObject({ code: 'DOWNLOAD_NOT_MEDIA', retry: 'backoff' });
    fail('REMOTE_REJECTED');
    expect(await attempt(late)).toMatchObject({ code: 'DOWNLOAD_NOT_MEDIA', retry: 'backoff' });
    fail('REMOTE_THROTTLED', { retry: { afterMs: 7_200_000 } });
    expect(await attempt(late)).toMatchObject({ code: 'DOWNLOAD_NOT_MEDIA', retry: { waitMs: 7_200_000 } });
  });
});
