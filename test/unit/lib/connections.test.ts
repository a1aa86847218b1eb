import { once } from 'node:events';
import { createServer, get, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { limitConnections, refuseUnreadable } from '../../../src/lib/connections.ts';

const MAX = 5;

let server: Server;
let port: number;
let sockets: Socket[];
let release: (() => void)[];

beforeEach(async () => {
  sockets = [];
  release = [];
  server = createServer((request, response) => {
    if (request.url === '/slow') release.push(() => response.end('late'));
    else response.end('ok');
  });
  limitConnections(server, MAX);
  server.on('clientError', refuseUnreadable);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.closeAllConnections();
  server.close();
});

async function open(text = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  sockets.push(socket);
  await once(socket, 'connect');
  if (text !== '') socket.write(text);
  return socket;
}

function statusOf(path: string): Promise<number | 'refused'> {
  return new Promise((resolve) => {
    get({ port, host: '127.0.0.1', path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', () => resolve('refused'));
  });
}

it('lets the connection go that has said nothing for longest, and answers the new one', async () => {
  const first = await open();
  for (let n = 1; n < MAX; n += 1) await open('GET / HTTP/1.1\r\nx-slow: ');

  expect(await statusOf('/')).toBe(200);
  await vi.waitFor(() => expect(first.destroyed).toBe(true));
  expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(1);
});

it('keeps those that are being answered, and refuses a new one if there are no others', async () => {
  for (let n = 0; n < MAX; n += 1) await open('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
  await vi.waitFor(() => expect(release).toHaveLength(MAX));

  expect(await statusOf('/')).toBe('refused');
  expect(sockets.some(({ destroyed }) => destroyed)).toBe(false);

  for (const answer of release) answer();
  await vi.waitFor(async () => expect(await statusOf('/')).toBe(200));
});

it.each([
  ['what is no HTTP', 'HELO there\r\n\r\n', 400],
  ['too long headers', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
] as const)('answers %s with a problem document', async (_name, text, status) => {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.write(text);
  const answer = Buffer.concat(await socket.toArray()).toString();

  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status, code: 'REQUEST_INVALID' });
});
