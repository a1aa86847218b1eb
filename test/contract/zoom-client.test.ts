import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Fault } from '../../simulators/shared/faults.ts';
import { startZoomSimulator, type ZoomSimulator } from '../../simulators/zoom/simulator.ts';
import type { Download, Source } from '../../src/engine/ports/source.ts';
import { createDownloadHosts } from '../../src/outside/web/download-hosts.ts';
import { createZoomApi } from '../../src/outside/zoom/client.ts';
import { createZoom, type ZoomOptions } from '../../src/outside/zoom/downloads.ts';
import { IDLE_TIMEOUT_MS, JSON_FAULTS, TRANSPORT_FAULTS } from '../support/transport-faults.ts';

const PAGE = 'GET /rec/*';
const BYTES = 'GET /cmr/*';
const { signal } = new AbortController();

let folder: string;
let path: string;
let content: Buffer;
let simulator: ZoomSimulator;
let zoom: Source;
/** An address and a token of a recording, as an event names them. */
let link: { url: string; token: string | null };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zoom-client-'));
  path = join(folder, 'view.mp4');
  content = randomBytes(300_000);
  await writeFile(path, content);
  await start();
});

afterEach(async () => {
  await simulator.close();
  await rm(folder, { recursive: true });
});

async function start(options: Parameters<typeof startZoomSimulator>[0] = {}): Promise<void> {
  simulator = await startZoomSimulator(options);
  zoom = connect([simulator.webUrl, simulator.cdnUrl]);
  const meeting = await simulator.addMeeting({ topic: 'Algebra', files: [{ path }] });
  const event = simulator.recordingCompleted(meeting);
  link = {
    url: event.payload.object.recording_files[0]?.download_url ?? '',
    token: event.download_token ?? null,
  };
}

async function restart(options: Parameters<typeof startZoomSimulator>[0]): Promise<void> {
  await simulator.close();
  await start(options);
}

function connect(hosts: readonly string[], more: Partial<ZoomOptions> = {}): Source {
  const { apiUrl, oauthUrl, accountId, clientId, clientSecret } = simulator;
  return createZoom({
    hosts: createDownloadHosts(hosts),
    apiUrl,
    oauthUrl,
    accounts: [{ id: null, credentials: { accountId, clientId, clientSecret } }],
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    ...more,
  });
}

function open(more: Partial<Parameters<Source['openDownload']>[0]> = {}): Promise<Download> {
  return zoom.openDownload({ ...link, fromByte: 0, validator: null, signal, ...more });
}

async function read({ chunks }: Download): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** Answers the next request for the page with a redirect. */
function redirectTo(location: string, more: Partial<Fault> = {}): void {
  simulator.fail({ on: PAGE, status: 302, headers: { location }, ...more });
}

describe('a download', () => {
  it('brings all bytes, through the redirect to the other origin', async () => {
    const download = await open();

    expect(download).toMatchObject({ startByte: 0, totalBytes: content.length });
    expect(download.validator).toMatch(/^".+"$/);
    expect(await read(download)).toEqual(content);
  });

  it('shows its token to Zoom alone, in a header and never in an address', async () => {
    await read(await open());

    expect(simulator.leaks).toBe(0);
    expect(simulator.requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${link.token}`]);
    for (const { path: asked, query, headers } of [...simulator.requests, ...simulator.cdn.requests]) {
      expect(`${asked}${query}`).not.toContain(link.token);
      expect(headers.referer).toBeUndefined();
    }
  });

  it('shows its token again after a redirect within Zoom', async () => {
    redirectTo(link.url);

    expect(await read(await open())).toEqual(content);
    expect(simulator.leaks).toBe(0);
  });

  it('takes no compression, since its offsets count stored bytes', async () => {
    await read(await open());

    await expect.poll(() => simulator.cdn.requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('needs no token where the address is enough', async () => {
    simulator.fail({ on: PAGE, status: 200, headers: { 'content-type': 'video/mp4' }, body: 'hello' });

    expect((await read(await open({ token: null }))).toString()).toBe('hello');
    await vi.waitFor(() => expect(simulator.requests).toHaveLength(1));
    expect(simulator.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('of which nothing more is read is let go', async () => {
    await restart({ bytesPerSecond: 1_000_000 });
    for await (const _chunk of (await open()).chunks) break;

    await vi.waitFor(() => expect(simulator.cdn.requests).toHaveLength(1));
    expect(simulator.cdn.requests[0]?.answerBytes).toBeLessThan(content.length);
  });

  it('ends in the middle with the reason of its signal', async () => {
    const stopping = new AbortController();
    await restart({ bytesPerSecond: 500_000 });
    const download = await open({ signal: stopping.signal });

    const reading = (async () => {
      for await (const _chunk of download.chunks) stopping.abort(new Error('shutdown'));
    })();

    await expect(reading).rejects.toThrow('shutdown');
  });

  it('is not opened for a signal that has ended already', async () => {
    const ended = AbortSignal.abort(new Error('shutdown'));

    await expect(open({ signal: ended })).rejects.toThrow('shutdown');
    expect(simulator.requests).toEqual([]);
  });
});

describe('a resumed download', () => {
  it('asks for what is missing, if the file is still the same', async () => {
    const { validator } = await open();

    const download = await open({ fromByte: 100_000, validator });

    expect(download).toMatchObject({ startByte: 100_000, totalBytes: content.length, validator });
    expect(await read(download)).toEqual(content.subarray(100_000));
    await vi.waitFor(() =>
      expect(simulator.cdn.requests.at(-1)).toMatchObject({
        status: 206,
        headers: { range: 'bytes=100000-', 'if-range': validator },
      }),
    );
  });

  it('begins anew when the file has changed', async () => {
    const { validator } = await open();
    const changed = randomBytes(200_000);
    await writeFile(path, changed);

    const download = await open({ fromByte: 100_000, validator });

    expect(download).toMatchObject({ startByte: 0, totalBytes: 200_000 });
    expect(download.validator).not.toBe(validator);
    expect(await read(download)).toEqual(changed);
  });

  it('begins anew where nothing says that the file is still the same', async () => {
    const download = await open({ fromByte: 100_000, validator: null });

    expect(download.startByte).toBe(0);
    await read(download);
    await vi.waitFor(() => expect(simulator.cdn.requests).toHaveLength(1));
    expect(simulator.cdn.requests[0]?.headers.range).toBeUndefined();
  });

  it('begins anew where the server knows no ranges', async () => {
    await restart({ supportsRange: false });
    const { validator } = await open();

    const download = await open({ fromByte: 100_000, validator });

    expect(download.startByte).toBe(0);
    expect(await read(download)).toEqual(content);
  });

  it('has nothing to bring when all bytes are there', async () => {
    const { validator } = await open();

    const download = await open({ fromByte: content.length, validator });

    expect(download).toMatchObject({ startByte: content.length, totalBytes: content.length, validator });
    expect(await read(download)).toEqual(Buffer.alloc(0));
  });

  it('begins anew when there are more bytes here than there', async () => {
    const { validator } = await open();

    const download = await open({ fromByte: content.length + 5, validator });

    expect(download).toMatchObject({ startByte: 0, totalBytes: content.length });
    expect(await read(download)).toEqual(content);
  });

  it.each([
    ['a weak ETag', { etag: 'W/"x"' }, null],
    [
      'a weak ETag and a date',
      { etag: 'W/"x"', 'last-modified': 'Mon, 05 Jan 2026 10:00:00 GMT' },
      'Mon, 05 Jan 2026 10:00:00 GMT',
    ],
    ['a strong ETag', { etag: '"x"', 'last-modified': 'Mon, 05 Jan 2026 10:00:00 GMT' }, '"x"'],
    ['no validator', {}, null],
  ])('goes by the validator of an answer with %s', async (_name, headers, validator) => {
    simulator.cdn.fail({
      on: BYTES,
      status: 200,
      headers: { 'content-type': 'video/mp4', ...headers },
      body: 'x',
    });

    const download = await open();

    expect(download.validator).toBe(validator);
    await read(download);
  });

  it.each([
    ['from another byte', { 'content-range': 'bytes 5-9/10' }],
    ['from nowhere in particular', {}],
  ])('refuses a part %s', async (_name, headers) => {
    simulator.cdn.fail({
      on: BYTES,
      status: 206,
      headers: { 'content-type': 'video/mp4', ...headers },
      body: 'x',
    });

    await expect(open({ fromByte: 7, validator: '"x"' })).rejects.toMatchObject({
      code: 'REMOTE_ANSWER_INVALID',
      retry: 'backoff',
    });
  });
});

describe('a part that is not the rest of the same file', () => {
  const SAID = { 'content-type': 'video/mp4', 'content-range': 'bytes 7-9/10' };

  it.each([
    ['calls it otherwise', '"x"', { ...SAID, etag: '"y"' }],
    [
      'dates it otherwise',
      'Mon, 05 Jan 2026 10:00:00 GMT',
      { ...SAID, 'last-modified': 'Tue, 06 Jan 2026 10:00:00 GMT' },
    ],
    ['sends less than the rest', '"x"', { ...SAID, 'content-range': 'bytes 7-8/10' }],
    ['sends it in an envelope', '"x"', { 'content-type': 'multipart/byteranges; boundary=b' }],
    ['encodes it', '"x"', { ...SAID, 'content-encoding': 'gzip' }],
  ])('is refused, if the server %s', async (_name, validator, headers) => {
    simulator.cdn.fail({ on: BYTES, status: 206, headers, body: 'xxx' });

    await expect(open({ fromByte: 7, validator })).rejects.toMatchObject({
      code: 'REMOTE_ANSWER_INVALID',
      retry: 'backoff',
    });
  });

  it.each([
    ['by the same name', { ...SAID, etag: '"x"' }],
    ['by the same name, which is weak now', { ...SAID, etag: 'W/"x"' }],
    ['by no name', SAID],
    ['by another kind of name', { ...SAID, 'last-modified': 'Mon, 05 Jan 2026 10:00:00 GMT' }],
    ['without the length of all', { ...SAID, 'content-range': 'bytes 7-9/*' }],
  ])('is none that comes %s', async (_name, headers) => {
    simulator.cdn.fail({ on: BYTES, status: 206, headers, body: 'xxx' });

    const download = await open({ fromByte: 7, validator: '"x"' });

    expect(download).toMatchObject({ startByte: 7, totalBytes: 10 });
    expect((await read(download)).toString()).toBe('xxx');
  });
});

describe('the end of a download', () => {
  let server: Server;
  let answer: (socket: Socket) => void;

  beforeEach(async () => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => answer(socket));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    link = { url: `http://127.0.0.1:${port}/file`, token: null };
    zoom = connect([`http://127.0.0.1:${port}`]);
  });
  afterEach(() => new Promise<void>((closed) => server.close(() => closed())));

  /** Answers with these lines and bytes, and hangs up. */
  function say(head: string, ...body: (string | Buffer)[]): void {
    answer = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/vtt\r\n${head}\r\n`);
      for (const bytes of body) socket.write(bytes);
      socket.end();
    };
  }

  it.each([
    ['by its length', 'content-length: 5\r\n', ['hello'], 5, true],
    ['by the last chunk', 'transfer-encoding: chunked\r\n', ['5\r\nhello\r\n', '0\r\n\r\n'], undefined, true],
    ['by its encoding', 'content-encoding: gzip\r\n', [gzipSync('hello')], undefined, true],
    ['by hanging up alone', '', ['hello'], undefined, false],
  ])('is marked %s', async (_name, head, body, totalBytes, isEndMarked) => {
    say(head, ...body);

    const download = await open();

    expect(download).toMatchObject({ totalBytes, isEndMarked });
    expect((await read(download)).toString()).toBe('hello');
  });

  it.each([
    ['chunks without a last one', 'transfer-encoding: chunked\r\n', '5\r\nhello\r\n'],
    ['fewer bytes than were promised', 'content-length: 9\r\n', 'hello'],
    ['half of something encoded', 'content-encoding: gzip\r\n', gzipSync(randomBytes(1000)).subarray(0, 500)],
    ['something else than it is encoded as', 'content-encoding: br\r\n', 'hello'],
  ])('is missed, if there are %s', async (_name, head, body) => {
    say(head, body);

    const reading = open().then(read);

    await expect(reading).rejects.toMatchObject({ retry: 'backoff' });
  });

  it('cannot be told of an encoding that nobody knows', async () => {
    say('content-encoding: zoom\r\n', 'hello');

    await expect(open()).rejects.toMatchObject({ code: 'REMOTE_ANSWER_INVALID', retry: 'backoff' });
  });
});

describe('an answer that is no recording', () => {
  it.each([
    ['an expired token', () => simulator.expireTokens('download')],
    [
      'a token of another account',
      () => {
        link = { ...link, token: 'wrong' };
      },
    ],
    [
      'a deleted recording',
      () => {
        link = { ...link, url: `${link.url}x` };
      },
    ],
  ])('comes as a web page for %s, and is told from the recording', async (_name, spoil) => {
    spoil();

    await expect(open()).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_MEDIA', retry: 'backoff' });
  });

  it.each(['text/html', 'TEXT/HTML; charset=utf-8', 'application/json'])(
    'is told by its type %s',
    async (type) => {
      simulator.cdn.fail({ on: BYTES, status: 200, headers: { 'content-type': type }, body: '<html>' });

      await expect(open()).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_MEDIA' });
    },
  );

  it.each([400, 401, 403, 404, 410])('with status %i may be one later', async (status) => {
    simulator.cdn.fail({ on: BYTES, status });

    await expect(open()).rejects.toMatchObject({
      code: 'DOWNLOAD_REFUSED',
      retry: 'backoff',
      details: { status },
    });
  });

  it('asked for its page is a refusal that names neither token nor signature', async () => {
    simulator.cdn.fail({ on: BYTES, status: 403 });

    const error: unknown = await open().catch((caught) => caught);

    expect(String(error)).not.toContain(link.token);
    expect(String(error)).not.toContain('Signature');
  });
});

describe('a download that meets', () => {
  it.each(TRANSPORT_FAULTS)('%s on the page', async (_name, fault, code, retry) => {
    simulator.fail({ on: PAGE, ...fault });

    await expect(open()).rejects.toMatchObject({ code, retry });
  });

  it.each(TRANSPORT_FAULTS)('%s on the bytes', async (_name, fault, code, retry) => {
    simulator.cdn.fail({ on: BYTES, ...fault });

    await expect(open()).rejects.toMatchObject({ code, retry });
  });

  it('a connection that breaks off fails with what came before', async () => {
    simulator.cdn.fail({ on: BYTES, cutAfterBytes: 100_000 });
    let bytes = 0;

    const reading = (async () => {
      for await (const chunk of (await open()).chunks) bytes += chunk.length;
    })();

    await expect(reading).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE', retry: 'backoff' });
    expect(bytes).toBeLessThanOrEqual(100_000);
  });

  it('a connection on which nothing moves any more is a stall', async () => {
    await restart({ bytesPerSecond: 1_000_000 });
    let bytes = 0;

    const reading = (async () => {
      for await (const chunk of (await open()).chunks) {
        bytes += chunk.length;
        simulator.cdn.link.bytesPerSecond = 20_000;
      }
    })();

    await expect(reading).rejects.toMatchObject({ code: 'TRANSFER_STALLED', retry: 'backoff' });
    expect(bytes).toBeGreaterThan(0);
  });
});

describe('an address that is not allowed', () => {
  it.each([
    ['another host', 'https://example.com/rec/x'],
    ['a name that only ends alike', 'https://evil-zoom.us/rec/x'],
    ['this machine', 'http://127.0.0.1:9/rec/x'],
    ['a file', 'file:///etc/passwd'],
  ])('such as %s is not asked at all', async (_name, url) => {
    zoom = connect(['*.zoom.us', simulator.webUrl, simulator.cdnUrl]);

    await expect(open({ url })).rejects.toMatchObject({ code: 'DOWNLOAD_HOST_REFUSED', retry: 'never' });
  });

  it('is refused where its name leads to a private address', async () => {
    zoom = connect(['localhost']);

    await expect(open({ url: 'https://localhost/rec/x' })).rejects.toMatchObject({
      code: 'DOWNLOAD_HOST_REFUSED',
    });
  });

  it.each([
    ['plain http', 'http://example.com/x'],
    ['this machine', 'https://127.0.0.1/x'],
    ['this machine in IPv6', 'https://[::ffff:127.0.0.1]/x'],
    ['the metadata address of clouds', 'https://169.254.169.254/latest/meta-data'],
    ['another port', 'https://example.com:8443/x'],
    ['a name with a private address', 'https://localhost/x'],
    ['a file', 'file:///etc/passwd'],
  ])('such as %s is not followed to', async (_name, location) => {
    redirectTo(location);

    await expect(open()).rejects.toMatchObject({ code: 'DOWNLOAD_HOST_REFUSED', retry: 'never' });
  });

  it('on this machine is not followed to unless the settings name it', async () => {
    zoom = connect([simulator.webUrl]);

    await expect(open()).rejects.toMatchObject({ code: 'DOWNLOAD_HOST_REFUSED' });
    expect(simulator.cdn.requests).toEqual([]);
  });
});

describe('redirects', () => {
  it('may be relative', async () => {
    redirectTo(new URL(link.url).pathname);

    expect(await read(await open())).toEqual(content);
  });

  it('are followed five times', async () => {
    redirectTo(link.url, { count: 4 });

    expect(await read(await open())).toEqual(content);
  });

  it('are not followed for ever', async () => {
    redirectTo(link.url, { count: 100 });

    await expect(open()).rejects.toMatchObject({ code: 'DOWNLOAD_REFUSED', retry: 'backoff' });
    await vi.waitFor(() => expect(simulator.requests).toHaveLength(6));
  });

  it('to no address at all are a mistake of the service', async () => {
    redirectTo('https://[');

    await expect(open()).rejects.toMatchObject({ code: 'REMOTE_ANSWER_INVALID', retry: 'backoff' });
  });

  it('without an address are a refusal', async () => {
    simulator.fail({ on: PAGE, status: 302 });

    await expect(open()).rejects.toMatchObject({ code: 'DOWNLOAD_REFUSED', retry: 'backoff' });
  });
});

describe('the address of today', () => {
  const API = 'GET /v2/meetings/*';
  let file: { meetingUuid: string; fileId: string };

  beforeEach(async () => {
    const meeting = await simulator.addMeeting({ topic: 'Algebra', uuid: '/ajX//p112==', files: [{ path }] });
    file = { meetingUuid: meeting.uuid, fileId: meeting.files[0]?.id ?? '' };
  });

  it('brings the bytes when the one of the event has run out, also of a meeting with slashes', async () => {
    simulator.expireTokens('download');

    const fresh = await zoom.freshAddress({ ...file, signal });

    expect(fresh).toEqual({ url: expect.any(String), token: expect.any(String), bytes: content.length });
    expect(await read(await open(fresh))).toEqual(content);
  });

  it('is asked for with one access token for many questions', async () => {
    await zoom.freshAddress({ ...file, signal });
    await zoom.freshAddress({ ...file, signal });

    expect(simulator.requests.filter(({ path: asked }) => asked === '/oauth/token')).toHaveLength(1);
  });

  it('is asked for once more when the access token has run out', async () => {
    await zoom.freshAddress({ ...file, signal });
    simulator.expireTokens('access');

    expect(await zoom.freshAddress({ ...file, signal })).toBeDefined();
    expect(simulator.requests.filter(({ path: asked }) => asked === '/oauth/token')).toHaveLength(2);
  });

  it('is not asked for again and again when no access token is good', async () => {
    simulator.fail({ on: API, status: 401, count: 9 });

    await expect(zoom.freshAddress({ ...file, signal })).rejects.toMatchObject({
      code: 'REMOTE_UNAUTHORIZED',
    });
    expect(simulator.faults.struck).toBe(2);
  });

  it.each([
    ['a meeting that is gone', { meetingUuid: 'gone==' }],
    ['a file that is gone', { fileId: 'gone' }],
  ])('is undefined for %s', async (_name, more) => {
    expect(await zoom.freshAddress({ ...file, ...more, signal })).toBeUndefined();
  });

  it('is undefined where there are no credentials to ask with, and nobody is asked', async () => {
    zoom = connect([simulator.webUrl], { accounts: [] });

    expect(await zoom.freshAddress({ ...file, signal })).toBeUndefined();
    expect(simulator.requests).toEqual([]);
  });

  it.each([...TRANSPORT_FAULTS, ...JSON_FAULTS])('that meets %s', async (_name, fault, code, retry) => {
    simulator.fail({ on: API, ...fault });

    await expect(zoom.freshAddress({ ...file, signal })).rejects.toMatchObject({ code, retry });
  });

  it('waits until the time that the daily limit names', async () => {
    const until = new Date(Date.now() + 7_200_000).toISOString();
    simulator.fail({ on: API, status: 429, headers: { 'retry-after': until } });

    const error: unknown = await zoom.freshAddress({ ...file, signal }).catch((caught) => caught);

    expect(error).toMatchObject({ code: 'REMOTE_THROTTLED', retry: { afterMs: expect.any(Number) } });
    const { afterMs } = (error as { retry: { afterMs: number } }).retry;
    expect(afterMs).toBeGreaterThan(7_100_000);
    expect(afterMs).toBeLessThanOrEqual(7_200_000);
  });

  it('does not show a secret in a message', async () => {
    zoom = connect([simulator.webUrl], {
      accounts: [
        {
          id: null,
          credentials: { accountId: simulator.accountId, clientId: 'x', clientSecret: 'hush-hush' },
        },
      ],
    });

    const error: unknown = await zoom.freshAddress({ ...file, signal }).catch((caught) => caught);

    expect(error).toMatchObject({ retry: expect.anything() });
    expect(String(error)).not.toContain('hush-hush');
  });
});

describe('the app', () => {
  const api = (more: { clientSecret?: string } = {}) => {
    const { apiUrl, oauthUrl, accountId, clientId, clientSecret } = simulator;
    const credentials = { accountId, clientId, clientSecret, ...more };
    return createZoomApi({ apiUrl, oauthUrl, credentials, idleTimeoutMs: IDLE_TIMEOUT_MS });
  };

  it('tells its scopes', async () => {
    await restart({ scope: 'recording:read:admin user:read:admin' });

    expect(await api().grantedScopes({ signal })).toEqual(['recording:read:admin', 'user:read:admin']);
  });

  it('tells nothing to wrong credentials', async () => {
    await expect(api({ clientSecret: 'wrong' }).grantedScopes({ signal })).rejects.toMatchObject({
      code: 'REMOTE_UNAUTHORIZED',
    });
  });
});
