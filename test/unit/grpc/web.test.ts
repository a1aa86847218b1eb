import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fastify } from 'fastify';
import { afterEach, expect, it } from 'vitest';
import type { Services } from '../../../src/grpc/handler.ts';
import { grpcWeb } from '../../../src/grpc/web.ts';

const TIMEOUT_MS = 100;
const MORE_THAN_IS_ON_ITS_WAY = 64 * 1024 * 1024;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** Calls a server that waits this long for a connection that says nothing, and is answered so. */
async function call(answer: (response: ServerResponse) => Promise<void>) {
  const app = fastify({ connectionTimeout: TIMEOUT_MS });
  ends.push(() => app.close());
  const services: Services = {
    paths: ['/Streaming/get_results'],
    handle(_request, response) {
      // This server speaks HTTP/1 alone.
      void answer(response as ServerResponse);
      return true;
    },
    endHealth() {},
  };
  grpcWeb(services).addTo(app);
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  ends.push(() => socket.destroy());
  socket.on('error', () => {});
  socket.write('POST /Streaming/get_results HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n');
  return socket;
}

it('keeps a stream that has nothing to tell for long', async () => {
  const socket = await call(async (response) => {
    response.write('first');
    await delay(5 * TIMEOUT_MS);
    response.end('last');
  });
  let heard = '';
  socket.on('data', (chunk) => {
    heard += String(chunk);
  });
  await expect.poll(() => heard).toContain('last');
});

it('lets a caller go that does not read', async () => {
  let isClosed = false;
  const socket = await call(async (response) => {
    response.on('close', () => {
      isClosed = true;
    });
    response.write(Buffer.alloc(MORE_THAN_IS_ON_ITS_WAY));
  });
  await once(socket, 'connect');
  socket.pause();
  await expect.poll(() => isClosed).toBe(true);
});
