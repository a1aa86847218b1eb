import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lengthOf, READ_STEP_BYTES } from '../../src/lib/files.ts';
import { SNIFFED_BYTES } from '../../src/lib/media-type.ts';
import { receiveBody } from '../../src/tus/receive-body.ts';
import { createUpload, idOf, offsetOf, openPatch, patch } from '../support/tus-client.ts';
import { startTusWorld, type TusWorld } from '../support/tus-world.ts';

let world: TusWorld;
beforeEach(async () => {
  world = await startTusWorld();
});
afterEach(() => world.stop());

/** Sends a PATCH that does not say how long it is; resolves with the status and text of the answer. */
async function patchOfUnknownLength(url: string, offset: number, body: Buffer): Promise<[number, string]> {
  const request = httpRequest(url, {
    method: 'PATCH',
    agent: false,
    headers: {
      'tus-resumable': '1.0.0',
      'content-type': 'application/offset+octet-stream',
      'upload-offset': String(offset),
      'transfer-encoding': 'chunked',
    },
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return [response.statusCode ?? 0, Buffer.concat(chunks).toString()];
}

describe('a request that does not say how many bytes it has', () => {
  it('is taken', async () => {
    const content = randomBytes(300_000);
    const url = await createUpload(world.url, content.length);

    const [status] = await patchOfUnknownLength(url, 0, content);

    expect(status).toBe(204);
    expect(content.equals(await readFile(world.paths.finished(idOf(url))))).toBe(true);
  });

  it('is refused once it has more than are missing, and the surplus is not kept', async () => {
    const url = await createUpload(world.url, 10);
    await patch(url, 0, Buffer.alloc(4));

    const [status, text] = await patchOfUnknownLength(url, 4, Buffer.alloc(7));

    expect(status).toBe(413);
    expect(JSON.parse(text)).toMatchObject({ code: 'UPLOAD_TOO_LARGE' });
    expect(await offsetOf(url)).toBe(4);
  });

  it('is refused with any byte for an upload that has them all', async () => {
    const url = await createUpload(world.url, 10);
    await patch(url, 0, Buffer.alloc(10));

    const [status] = await patchOfUnknownLength(url, 10, Buffer.alloc(1));

    expect(status).toBe(413);
    expect(await lengthOf(world.paths.finished(idOf(url)))).toBe(10);
  });
});

describe('bytes that arrive', () => {
  it('are in the file before more come, however few they are, once the first have been looked at', async () => {
    const url = await createUpload(world.url, 10_000);
    await patch(url, 0, Buffer.alloc(SNIFFED_BYTES));
    const { request } = openPatch(url, SNIFFED_BYTES, 10_000 - SNIFFED_BYTES);

    for (const bytes of [1, 2, 3]) {
      request.write('x');
      await expect
        .poll(() => lengthOf(world.paths.data(idOf(url))), { interval: 5 })
        .toBe(SNIFFED_BYTES + bytes);
    }

    request.destroy();
  });

  it('arrive whole from fifty slow clients at once', async () => {
    const steps = 20;
    const uploads = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const content = randomBytes(steps * 5000);
        const url = await createUpload(world.url, content.length, { ace_id: `lesson-${index}` });
        return { content, url, ...openPatch(url, 0, content.length) };
      }),
    );

    for (let step = 0; step < steps; step += 1) {
      for (const { request, content } of uploads)
        request.write(content.subarray(step * 5000, (step + 1) * 5000));
      // The slowest is waited for, so that no server can take a whole upload in one go.
      await expect
        .poll(async () => {
          const lengths = uploads.map(({ url }) => lengthNow(url));
          return Math.min(...(await Promise.all(lengths)));
        })
        .toBe((step + 1) * 5000);
    }

    for (const { ended } of uploads) expect(await ended).toBe(204);
    for (const { url, content } of uploads) {
      expect(content.equals(await readFile(world.paths.finished(idOf(url))))).toBe(true);
    }
  });

  it('wait in the connection, not in memory, while the disk is slower', async () => {
    const sent = 32 * 1024 * 1024;
    let letWrite = () => {};
    const isAllowed = new Promise<void>((resolve) => {
      letWrite = resolve;
    });
    let written = 0;
    let mostHeld = 0;
    const slow = new Writable({
      highWaterMark: READ_STEP_BYTES,
      write(chunk: Buffer, _encoding, done) {
        mostHeld = Math.max(mostHeld, slow.writableLength);
        written += chunk.length;
        void isAllowed.then(() => setImmediate(done));
      },
    });
    let taken: Promise<number> | undefined;
    const server = createServer((request, response) => {
      const stopSignal = new AbortController().signal;
      taken = receiveBody({ request, stopSignal }, slow, sent).finally(() => response.end());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');

    const { port } = server.address() as AddressInfo;
    const request = httpRequest({ port, host: '127.0.0.1', method: 'PATCH', agent: false });
    request.end(Buffer.alloc(sent));
    await expect.poll(() => slow.writableNeedDrain).toBe(true);
    const heldWhileBlocked = slow.writableLength;
    letWrite();
    await once(request, 'response');

    expect(heldWhileBlocked).toBeLessThan(READ_STEP_BYTES + 128 * 1024);
    expect(mostHeld).toBeLessThan(READ_STEP_BYTES + 128 * 1024);
    expect(await taken).toBe(sent);
    expect(written).toBe(sent);
    server.close();
  });
});

/** The length of an upload's bytes, also once it is finished. */
async function lengthNow(url: string): Promise<number> {
  const id = idOf(url);
  return (await lengthOf(world.paths.data(id))) ?? (await lengthOf(world.paths.finished(id))) ?? 0;
}
