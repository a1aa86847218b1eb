import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, readlink, rename, rmdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createUploadHttpServer } from '../../src/tus/upload-http-server.ts';
import { createUpload, head, idOf, offsetOf, openPatch, patch, stockUpload } from '../support/tus-client.ts';
import { type Cutter, startCutter } from '../support/tus-cutter.ts';
import { startTusWorld, type TusWorld, type TusWorldOptions } from '../support/tus-world.ts';

/** What a request's headers may weigh, generously. */
const HEADERS_BYTES = 2000;

let world: TusWorld;
let cutter: Cutter | undefined;
async function start(options: TusWorldOptions = {}): Promise<TusWorld> {
  world = await startTusWorld(options);
  return world;
}
afterEach(async () => {
  await cutter?.stop();
  cutter = undefined;
  await world.stop();
});

describe('an interrupted upload', () => {
  it('continues at the stored offset, and no byte before it is sent again (R7)', async () => {
    await start();
    cutter = await startCutter(world.url);
    const content = randomBytes(4_000_000);
    const offsets: number[] = [];
    let sentAtResumption = 0;
    cutter.cutAfter(1_500_000);
    const { done } = stockUpload(content, {
      endpoint: cutter.url,
      metadata: { ace_id: 'lesson-1' },
      onBeforeRequest: (request) => {
        if (request.getMethod() !== 'PATCH') return;
        offsets.push(Number(request.getHeader('Upload-Offset')));
        sentAtResumption = cutter?.sentBytes() ?? 0;
      },
    });

    await done;
    await expect.poll(() => world.pipeline.posts).toHaveLength(1);

    const [first, resumedAt = 0] = offsets;
    expect(first).toBe(0);
    expect(resumedAt).toBeGreaterThan(1_000_000);
    expect(cutter.sentBytes() - sentAtResumption).toBeLessThan(content.length - resumedAt + HEADERS_BYTES);
    expect(content.equals(await readFile(world.pipeline.posts[0]?.path ?? ''))).toBe(true);
  });

  it('can be resumed after a restart of the server in the middle of it (R11)', async () => {
    await start();
    const content = randomBytes(4_000_000);
    const url = await createUpload(world.url, content.length);
    const { request, ended } = openPatch(url, 0, content.length);
    request.write(content.subarray(0, 1_000_000));
    await expect.poll(() => bytesIn(url)).toBe(1_000_000);

    await world.restart();

    expect(await ended).toBe('closed');
    expect(await offsetOf(url)).toBe(1_000_000);
    const offsets: string[] = [];
    await stockUpload(content, {
      uploadUrl: url,
      onBeforeRequest: (sent) => {
        if (sent.getMethod() === 'PATCH') offsets.push(sent.getHeader('Upload-Offset') ?? '');
      },
    }).done;
    expect(offsets).toEqual(['1000000']);
    await expect.poll(() => world.pipeline.posts).toHaveLength(1);
    expect(content.equals(await readFile(world.pipeline.posts[0]?.path ?? ''))).toBe(true);
  });

  it('keeps what arrived when the client hangs up, and is free for it at once', async () => {
    await start({ lockDrainTimeoutMs: 60_000 });
    const url = await createUpload(world.url, 10_000);
    const { request, ended } = openPatch(url, 0, 10_000);
    request.write(Buffer.alloc(5000));
    await expect.poll(() => bytesIn(url)).toBe(5000);

    request.destroy();
    await ended;

    expect(await offsetOf(url)).toBe(5000);
    expect(await patch(url, 5000, Buffer.alloc(5000))).toMatchObject({ status: 204 });
  });

  it('is resumed, not begun again, while a dead connection still holds it (C10)', async () => {
    await start();
    const content = randomBytes(10_000);
    const url = await createUpload(world.url, 10_000);
    const stalled = openPatch(url, 0, 10_000);
    stalled.request.write(content.subarray(0, 5000));
    await expect.poll(() => bytesIn(url)).toBe(5000);

    const methods: string[] = [];
    await stockUpload(content, {
      endpoint: world.url,
      uploadUrl: url,
      onBeforeRequest: (request) => void methods.push(request.getMethod()),
    }).done;

    expect(methods).toEqual(['HEAD', 'PATCH']);
    expect(await stalled.ended).toBe(204);
    expect(content.equals(await readFile(world.paths.finished(idOf(url))))).toBe(true);
  });

  it('is not begun again either when its offset cannot be told for a moment (C10)', async () => {
    await start();
    const content = randomBytes(1000);
    const url = await createUpload(world.url, 1000);
    await patch(url, 0, content.subarray(0, 400));
    const sidecar = world.paths.sidecar(idOf(url));
    await rename(sidecar, `${sidecar}.aside`);
    await mkdir(sidecar);

    const broken = await head(url);
    await rmdir(sidecar);
    await rename(`${sidecar}.aside`, sidecar);

    expect(broken.status).toBe(423);
    expect(await offsetOf(url)).toBe(400);
  });

  it('leaves no open file behind, however often it is interrupted (C17)', async () => {
    await start();
    const url = await createUpload(world.url, 1_000_000);
    for (let round = 0; round < 30; round += 1) {
      const offset = await offsetOf(url);
      const { request, ended } = openPatch(url, offset, 1_000_000 - offset);
      request.write(Buffer.alloc(5000));
      await expect.poll(() => bytesIn(url), { interval: 2 }).toBe(offset + 5000);
      request.destroy();
      await ended;
    }

    await expect.poll(() => openFilesIn(world.dataDir, 'uploads')).toEqual([]);
    expect(await offsetOf(url)).toBe(150_000);
  });
});

describe('the patience with a request', () => {
  it('has no end while bytes come, however slowly', async () => {
    const idleTimeoutMs = 800;
    await start({ idleTimeoutMs });
    const steps = 16;
    const url = await createUpload(world.url, steps);
    const { request, ended } = openPatch(url, 0, steps);

    // What is tested here is the passing of time: three times the limit in all, and less than it between two bytes.
    for (let step = 0; step < steps; step += 1) {
      request.write('x');
      await sleep(150);
    }
    request.end();

    expect(await ended).toBe(204);
    expect(await offsetOf(url)).toBe(steps);
  });

  it('ends when no byte comes, and what came is kept', async () => {
    await start({ idleTimeoutMs: 200 });
    const url = await createUpload(world.url, 1000);
    const { request, ended } = openPatch(url, 0, 1000);
    request.write(Buffer.alloc(400));

    expect(await ended).toBe('closed');

    expect(await offsetOf(url)).toBe(400);
  });

  it('is not cut short by the limit that Node sets', async () => {
    await start({ isStarted: false });
    const server = createUploadHttpServer(1000, () => {});

    expect(server.requestTimeout).toBe(0);
    expect(server.headersTimeout).toBe(20_000);
    expect(server.timeout).toBe(1000);
  });
});

async function bytesIn(url: string): Promise<number> {
  return (await readFile(world.paths.data(idOf(url)))).length;
}

/** Files of this process that are open under a folder. */
async function openFilesIn(dataDir: string, folder: string): Promise<string[]> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((path) => path.startsWith(`${dataDir}/${folder}/`));
}
