import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type FrontProxy,
  type ProxiedHost,
  startHaproxy,
  startNginxForHosts,
} from '../../scripts/attack/proxies.ts';
import { createUploadToken } from '../../src/lib/upload-token.ts';
import { openHosts } from '../support/hosts.ts';
import { SAMPLE } from '../support/house.ts';
import { metadataHeader, tusRequest } from '../support/tus-client.ts';

const SECRET = 'a secret of the website, 32 bytes and more';

let world: Awaited<ReturnType<typeof openHosts<'a' | 'b'>>>;

beforeAll(async () => {
  world = await openHosts(['a', 'b'], { UPLOAD_TOKEN_SECRET: SECRET });
});

afterAll(async () => {
  await world?.close();
});

const hostNamed = (id: 'a' | 'b'): ProxiedHost => ({
  id,
  pipeline: new URL(world.hosts[id].pipelineUrl).host,
  tus: new URL(world.hosts[id].tusUrl).host,
});

describe.each([
  ['nginx', (hosts: readonly [ProxiedHost, ProxiedHost]) => startNginxForHosts(hosts)],
  ['HAProxy', startHaproxy],
] as const)('%s as it is shipped for several hosts', (name, start) => {
  let proxy: FrontProxy;

  beforeAll(async () => {
    proxy = await start([hostNamed('a'), hostNamed('b')]);
    // One that looks whether a server lives has to have seen it.
    const ask = async () => (await tusRequest(`${proxy.url}/tusupload`, { method: 'OPTIONS' })).status;
    await vi.waitFor(async () => expect(await ask()).toBe(204), { timeout: 20_000 });
  });

  afterAll(() => proxy?.stop());

  async function begin(aceId: string, bytes: number) {
    const authorization = `Bearer ${await createUploadToken({ secret: SECRET, aceId, expiresInS: 600 })}`;
    const { headers, status, text } = await tusRequest(`${proxy.url}/tusupload`, {
      method: 'POST',
      headers: {
        authorization,
        'upload-length': String(bytes),
        'upload-metadata': metadataHeader({ filename: 'a.mp4' }),
      },
    });
    if (status !== 201) throw new Error(`refused: ${status} ${text}`);
    const url = new URL(headers.location ?? '', proxy.url).href;
    return {
      owner: url.endsWith('-a') ? ('a' as const) : ('b' as const),
      ask: () => tusRequest(url, { method: 'HEAD', headers: { authorization } }),
      send: (offset: number, body: Buffer) =>
        tusRequest(url, {
          method: 'PATCH',
          headers: {
            authorization,
            'upload-offset': String(offset),
            'content-type': 'application/offset+octet-stream',
          },
          body,
        }),
    };
  }

  it('brings uploads home whichever host they lie on, and keeps their place while that is away', async () => {
    const data = await readFile(SAMPLE);
    const half = Math.floor(data.length / 2);
    const uploads = await Promise.all([1, 2, 3, 4].map((n) => begin(`${name} ${n}`, data.length)));
    expect(new Set(uploads.map(({ owner }) => owner)).size).toBe(2);
    for (const upload of uploads) expect((await upload.send(0, data.subarray(0, half))).status).toBe(204);

    await world.hosts.a.kill('tus');
    for (const { owner, ask } of uploads) {
      const { status, headers } = await ask();
      // Stock clients begin anew after any other failure.
      if (owner === 'a') expect(status).toBe(423);
      else expect(headers['upload-offset']).toBe(String(half));
    }
    await world.hosts.a.restart('tus');

    for (const upload of uploads) {
      await expect.poll(async () => (await upload.ask()).headers['upload-offset']).toBe(String(half));
      expect((await upload.send(half, data.subarray(half))).status).toBe(204);
    }
    const home = async () =>
      (await world.ledger.recordings.newest(100)).filter(
        ({ aceId, state }) => aceId?.startsWith(name) && state === 'done',
      ).length;
    await expect.poll(home).toBe(4);
  });

  it('lets a webhook of Zoom come in while a host is away', async () => {
    await world.hosts.a.kill('pipeline');
    try {
      for (const n of [1, 2, 3]) {
        const meeting = await world.zoom.addMeeting({ topic: `${name} ${n}`, files: [{ path: SAMPLE }] });
        const event = world.zoom.recordingCompleted(meeting);
        expect((await world.zoom.send(`${proxy.url}/zoom-upload`, event)).status).toBe(200);
      }
    } finally {
      await world.hosts.a.restart('pipeline');
    }
  });

  it('lets nothing else pass', async () => {
    for (const path of ['/api/status', '/custom-upload', '/manual-upload', '/', '/tusupload/x/y']) {
      expect((await fetch(`${proxy.url}${path}`)).status, path).toBe(404);
    }
  });
});
