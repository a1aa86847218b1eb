import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Request, readText, send, sendForJson } from '../../src/lib/http.ts';
import { freePort } from '../support/free-port.ts';

const IDLE_MS = 300;
const SECOND_MS = 1000;
const OK = 'HTTP/1.1 200 OK\r\n';
const { signal } = new AbortController();

let server: Server | undefined;
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server?.close(resolve));
});

/** A server that does with each connection what it likes; HTTP is its own business. */
async function serve(behave: (socket: Socket) => Promise<void>): Promise<Request> {
  const port = await freePort();
  server = createServer({ highWaterMark: 1024 }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    behave(socket).catch(() => {});
  });
  await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve));
  return {
    service: 'the server',
    method: 'GET',
    url: `http://127.0.0.1:${port}/`,
    signal,
    idleTimeoutMs: IDLE_MS,
    minBytesPerSecond: 1000,
  };
}

/** Sends text and then a byte now and then, for ever. */
async function drip(socket: Socket, start: string, everyMs = 20): Promise<void> {
  socket.resume();
  socket.write(start);
  while (!socket.destroyed) {
    socket.write('1');
    await sleep(everyMs);
  }
}

async function* bytes(total: number, everyMs = 0): AsyncGenerator<Buffer> {
  const step = everyMs === 0 ? 1024 * 1024 : 100;
  for (let sent = 0; sent < total; sent += step) {
    if (everyMs > 0) await sleep(everyMs);
    yield Buffer.alloc(Math.min(step, total - sent));
  }
}

const STALLED = { code: 'TRANSFER_STALLED', retry: 'backoff' };

describe('a server that moves a byte now and then', () => {
  it.each([
    ['of the status line', 'HTTP/1.1 200 O'],
    ['of the headers', `${OK}x-name: `],
  ])('%s has stalled', async (_, start) => {
    const request = await serve((socket) => drip(socket, start));
    const startedMs = performance.now();
    await expect(send(request)).rejects.toMatchObject(STALLED);
    expect(performance.now() - startedMs).toBeLessThan(5 * SECOND_MS);
  });

  it.each([
    ['of an answer of known length', `${OK}content-length: 1000000\r\n\r\n`],
    ['of an answer without a length', `${OK}connection: close\r\n\r\n`],
    ['of JSON', `${OK}content-type: application/json\r\ncontent-length: 5000\r\n\r\n{"a":`],
  ])('%s has stalled', async (_, start) => {
    const request = await serve((socket) => drip(socket, start));
    await expect(sendForJson(request, z.object({}))).rejects.toMatchObject(STALLED);
  });

  it('of what is sent to it has stalled', async () => {
    const request = await serve(async (socket) => {
      while (!socket.destroyed) {
        socket.read(1);
        await sleep(20);
      }
    });
    const body = { bytes: 64 * 1024 * 1024, chunks: bytes(64 * 1024 * 1024) };
    await expect(send({ ...request, method: 'POST', body })).rejects.toMatchObject(STALLED);
  });

  it('of a small answer, fast enough to count as moving, is left after a time all the same', async () => {
    const request = await serve((socket) => drip(socket, `${OK}content-length: 1000000\r\n\r\n`, 5));
    const lenient = { ...request, minBytesPerSecond: 1 };
    await expect(sendForJson(lenient, z.object({}))).rejects.toMatchObject(STALLED);
  });
});

describe('who is slow but moves', () => {
  it('is waited for: a server that sends at the least rate', async () => {
    const request = await serve(async (socket) => {
      socket.resume();
      socket.write(`${OK}content-length: 4000\r\n\r\n`);
      for (let sent = 0; sent < 4000; sent += 100) {
        socket.write('x'.repeat(100));
        await sleep(20);
      }
    });
    expect(await readText(request, await send(request))).toHaveLength(4000);
  });

  it('is not blamed: a server whose bytes we do not take', async () => {
    const request = await serve(async (socket) => {
      socket.resume();
      socket.write(`${OK}content-length: 300000\r\n\r\n${'x'.repeat(300_000)}`);
    });
    const response = await send(request);
    let taken = 0;
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      taken += chunk.length;
      if (taken < 100_000) await sleep(2 * IDLE_MS);
    }
    expect(taken).toBe(300_000);
  });

  it('is not blamed: a server that waits for our source', async () => {
    const request = await serve(async (socket) => {
      let heard = 0;
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.length;
        if (heard > 1000) socket.end(`${OK}content-length: 2\r\nconnection: close\r\n\r\n{}`);
      });
    });
    const body = { bytes: 1000, chunks: bytes(1000, 150) };
    expect((await send({ ...request, method: 'POST', body })).status).toBe(200);
  });
});
