import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FrontProxy, startCaddy, startNginx, withOption } from '../../scripts/attack/proxies.ts';
import { sendRaw } from '../../scripts/attack/raw-request.ts';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { createUploadToken } from '../../src/lib/upload-token.ts';
import { SAMPLE } from '../support/house.ts';
import { type Processes, startProcesses } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { idOf, metadataHeader, patch, tusRequest } from '../support/tus-client.ts';

const MIB = 1024 * 1024;
const UPLOAD_BYTES = 1024 * MIB;
const SECRET = 'a secret of the website, 32 bytes and more';

let redis: TestRedis;
let simulators: AllSimulators;
let sluice: Processes;

beforeAll(async () => {
  redis = await startRedis();
  simulators = await startAllSimulators();
  sluice = await startProcesses(
    {
      ...simulators.environment,
      REDIS_URL: redis.url,
      UPLOAD_TOKEN_SECRET: SECRET,
      UPLOAD_TRUST_PROXY: 'on',
    },
    ['pipeline', 'tus'],
  );
});

afterAll(async () => {
  await sluice?.stop();
  await simulators?.close();
  await redis?.stop();
});

describe.each([
  ['nginx', startNginx],
  ['Caddy', startCaddy],
] as const)('%s as it is shipped', (name, start) => {
  let proxy: FrontProxy;
  beforeAll(async () => {
    const [pipelinePort, tusPort] = [sluice.pipelineUrl, sluice.tusUrl].map((url) =>
      Number(new URL(url).port),
    );
    proxy = await start({ pipelinePort: pipelinePort ?? 0, tusPort: tusPort ?? 0 });
  });
  afterAll(() => proxy?.stop());

  /** Asks with exactly this path; the status. */
  async function ask(path: string, { method = 'POST', headers = '', body = '{}' } = {}) {
    const { statuses, text } = await sendRaw(
      proxy.port,
      `${method} ${path} HTTP/1.1\r\nHost: recordings.example.org\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n${headers}\r\n${body}`,
      { quietMs: 3000 },
    );
    return { status: statuses[0], text };
  }

  it.each([
    ['/zoom-upload', 'SIGNATURE_INVALID'],
    ['/zoom-upload?x=/api', 'SIGNATURE_INVALID'],
    ['/tusupload', 'Tus-Resumable'],
    ['/tusupload/00000000000000000000000000000000', 'Tus-Resumable'],
  ])('lets %s pass', async (path, answer) => {
    const { text } = await ask(path);

    expect(text).toContain(answer);
  });

  it.each([
    '/',
    '/api/status',
    '/api/recordings',
    '/custom-upload',
    '/manual-upload',
    '/bunny-webhook',
    '/login',
    '/docs',
    '/healthz',
    '/metrics',
    '/zoom-upload/',
    '/zoom-upload/api',
    '//zoom-upload',
    '/zoom-upload/../api/status',
    '//zoom-upload/../api/status',
    '/zoom-upload/%2e%2e/api/status',
    '/zoom-upload/..%2fapi/status',
    '/zoom-upload%2f..%2fapi/status',
    '/zoom-upload/..\\api',
    '/zoom-upload;/../custom-upload',
    '/zoom-upload;x=1',
    '/zoom-uploadx',
    '/zoom-upload%00',
    '/zoom-upload%20',
    '/zoom-upload%3f',
    '/zoom-upload%23',
    '/ZOOM-UPLOAD',
    '/%7aoom-upload',
    '/./zoom-upload',
    '/api/../zoom-upload',
    '/tusupload/',
    '/tusupload/../api/status',
    '/tusupload/%2e%2e/api/status',
    '/tusupload/..%2f..%2fapi',
    '/tusupload//00000000000000000000000000000000',
    '/tusupload/../zoom-upload',
    '/tusupload;/api',
    '/TUSUPLOAD',
    '/tusupload%2f00000000000000000000000000000000',
    'http://127.0.0.1:9009/api/status',
    'http://recordings.example.org/api/status',
    'http://recordings.example.org/zoom-upload/../api/status',
  ])('refuses %s by itself', async (path) => {
    for (const method of ['GET', 'POST']) {
      const { status, text } = await ask(path, { method });

      expect([400, 404]).toContain(status);
      expect(text).not.toContain('urn:sluice');
      expect(text).not.toContain('Tus-Resumable');
    }
  });

  it.each([
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-Host: localhost',
    'X-Real-IP: 127.0.0.1',
    'Forwarded: for=127.0.0.1;host=localhost',
    'X-Original-URL: /api/status',
    'X-Rewrite-URL: /api/status',
    'X-HTTP-Method-Override: GET',
    'Connection: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host',
  ])('opens no operator path to who says %s', async (header) => {
    expect((await ask('/api/status', { method: 'GET', headers: `${header}\r\n` })).status).toBe(404);
    const { text } = await ask('/zoom-upload', { headers: `${header}\r\n` });
    expect(text).toContain('SIGNATURE_INVALID');
  });

  it('opens no operator path to who names this machine as the host', async () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]', new URL(sluice.pipelineUrl).host]) {
      const { statuses } = await sendRaw(
        proxy.port,
        `GET /api/status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );

      expect(statuses).not.toContain(200);
    }
  });

  it('lets a webhook of Zoom come home', async () => {
    const meeting = await simulators.zoom.addMeeting({ topic: name, files: [{ path: SAMPLE }] });
    const { status, body } = await simulators.zoom.send(
      `${proxy.url}/zoom-upload`,
      simulators.zoom.recordingCompleted(meeting),
    );

    expect(status).toBe(200);
    expect(JSON.parse(body).accepted).toHaveLength(1);
  });

  it('hands 1 GiB on while it still arrives, and keeps nothing of it', async () => {
    const token = await createUploadToken({ secret: SECRET, aceId: `large by ${name}`, expiresInS: 600 });
    const authorization = `Bearer ${token}`;
    const created = await tusRequest(`${proxy.url}/tusupload`, {
      method: 'POST',
      headers: {
        authorization,
        'upload-length': String(UPLOAD_BYTES),
        'upload-metadata': metadataHeader({ a: 'b' }),
      },
    });
    expect(created.status).toBe(201);
    const url = new URL(created.headers.location ?? '', `${proxy.url}/tusupload`).toString();
    expect(url.startsWith(`${proxy.url}/tusupload/`)).toBe(true);
    const onDisk = join(sluice.dataDir, 'uploads', idOf(url));

    const sending = request(url, {
      method: 'PATCH',
      agent: false,
      headers: {
        authorization,
        'tus-resumable': '1.0.0',
        'content-type': 'application/offset+octet-stream',
        'upload-offset': '0',
        'content-length': String(UPLOAD_BYTES),
      },
    });
    const answered = once(sending, 'response');
    const sample = Buffer.alloc(MIB);
    sample.write('\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom', 'latin1');
    const zeros = Buffer.alloc(MIB);
    const buffered = new Set<string>();
    const sizesAtQuarters: number[] = [];
    for (let mib = 0; mib < 1024; mib += 1) {
      if (!sending.write(mib === 0 ? sample : zeros)) await once(sending, 'drain');
      if (mib % 64 === 63) for (const file of await proxy.bufferedFiles()) buffered.add(file);
      if (mib % 256 === 255) sizesAtQuarters.push(await whenAtLeast(onDisk, (mib - 63) * MIB));
    }
    sending.end();
    const [response] = await answered;
    response.resume();

    expect(response.statusCode).toBe(204);
    expect([...buffered]).toEqual([]);
    // Nearly all that had been sent was on Sluice's disk before the next quarter was.
    const expected = [192, 448, 704, 960].map((mib) => mib * MIB);
    expect(sizesAtQuarters.map((bytes, quarter) => bytes >= (expected[quarter] ?? 0))).toEqual(
      expected.map(() => true),
    );
  }, 120_000);

  it('tells a client that asks for its offset while tus is away that its upload is held', async () => {
    const url = `${proxy.url}/tusupload/00000000000000000000000000000000`;
    await sluice.kill('tus');
    try {
      // After any other failure stock clients begin anew, from the first byte.
      expect((await tusRequest(url, { method: 'HEAD' })).status).toBe(423);
      const refused = await tusRequest(`${proxy.url}/tusupload`, { method: 'POST' });
      expect(refused.status).toBe(503);
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    } finally {
      await sluice.restart('tus');
    }
    expect((await tusRequest(url, { method: 'HEAD' })).status).toBe(401);
  });

  it('passes an upload of one byte more than was announced to nobody', async () => {
    const { status } = await tusRequest(`${proxy.url}/tusupload/00000000000000000000000000000000`, {
      method: 'HEAD',
    });
    const answer = await patch(
      `${proxy.url}/tusupload/00000000000000000000000000000000`,
      0,
      Buffer.from('x'),
    );

    expect([status, answer.status]).toEqual([401, 401]);
  });
});

/** The size of a file once it is so large, or what it is after 20 s. */
async function whenAtLeast(path: string, bytes: number): Promise<number> {
  for (let tries = 0; ; tries += 1) {
    const { size } = await stat(path).catch(() => ({ size: 0 }));
    if (size >= bytes || tries > 2000) return size;
    await delay(10);
  }
}

describe('nginx with the paths that it offers to the outside as options', () => {
  let proxy: FrontProxy;
  beforeAll(async () => {
    const [pipelinePort, tusPort] = [sluice.pipelineUrl, sluice.tusUrl].map((url) =>
      Number(new URL(url).port),
    );
    proxy = await startNginx({ pipelinePort: pipelinePort ?? 0, tusPort: tusPort ?? 0 }, (site) =>
      withOption(withOption(site, 'Bunny Stream'), 'tutors'),
    );
  });
  afterAll(() => proxy?.stop());

  it.each([
    ['GET', '/upload', 200],
    ['GET', '/upload/config.json', 200],
    ['GET', `/upload/status/${'0'.repeat(32)}?ace_id=x`, 404],
    ['POST', '/bunny-webhook', 401],
    ['POST', '/zoom-upload', 401],
  ])('lets %s %s pass', async (method, path, status) => {
    const answer = await fetch(`${proxy.url}${path}`, { method });

    expect(answer.status).toBe(status);
    // By its own words: nginx says nothing of these.
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it.each([
    '/uploads',
    '/upload/',
    '/upload/../api/status',
    '/upload/assets/..%2f..%2fapi',
    '/upload/assets/../../api',
    '/api/status',
  ])('still refuses %s by itself', async (path) => {
    const { statuses, text } = await sendRaw(
      proxy.port,
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );

    expect(statuses).toEqual([404]);
    expect(text).not.toContain('nosniff');
  });
});
