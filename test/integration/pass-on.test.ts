import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createPassOn } from '../../src/tus/pass-on.ts';

const PATH = '/tusupload/0123456789abcdef0123456789abcdef-b';

/** What the host of the upload does with a request. */
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let owner: Server;
let door: Server;
let addresses: Record<string, string>;

beforeEach(async () => {
  owner = await listen((request, response) => answer(request, response));
  addresses = { b: urlOf(owner) };
  const { passOn } = createPassOn({
    host: 'a',
    addressOf: async (host) => addresses[host],
    idleTimeoutMs: 300,
    log: pino({ level: 'silent' }),
  });
  door = await listen((request, response) => void passOn('b', request, response));
});

afterEach(() => {
  for (const server of [owner, door]) {
    server.close();
    server.closeAllConnections();
  }
});

async function listen(onRequest: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(onRequest);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** A request to the door, which is not ended. */
function begin(method: string, headers: Record<string, string | string[]> = {}, path = PATH) {
  return request(`${urlOf(door)}${path}`, { method, headers, agent: false });
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function responseTo(asked: ReturnType<typeof begin>): Promise<IncomingMessage> {
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

it('passes on what was asked and what was answered, but for what is between two ends alone', async () => {
  let heard: { method: string; url: string; raw: string[]; body: string } | undefined;
  answer = async (request, response) => {
    const { method = '', url = '', rawHeaders: raw } = request;
    heard = { method, url, raw, body: await read(request) };
    response.setHeader('Set-Cookie', ['one=1', 'two=2']);
    response.writeHead(204, { 'Upload-Offset': '5', Connection: 'close, X-Hop', 'X-Hop': 'no' }).end();
  };
  const asked = begin(
    'PATCH',
    {
      'Upload-Offset': '0',
      Authorization: 'Bearer x',
      'X-Two': ['1', '2'],
      Connection: 'X-Mine',
      'X-Mine': '1',
    },
    `${PATH}?x=%2F`,
  );
  asked.end('12345');
  const response = await responseTo(asked);
  await read(response);

  expect(heard).toMatchObject({ method: 'PATCH', url: `${PATH}?x=%2F`, body: '12345' });
  const names = heard?.raw.filter((_text, at) => at % 2 === 0).map((name) => name.toLowerCase()) ?? [];
  expect(names).toEqual(expect.arrayContaining(['upload-offset', 'authorization']));
  expect(names.filter((name) => name === 'x-two')).toHaveLength(2);
  expect(names).not.toContain('x-mine');
  expect(response.statusCode).toBe(204);
  expect(response.headers).toMatchObject({ 'upload-offset': '5', 'set-cookie': ['one=1', 'two=2'] });
  expect(response.headers['x-hop']).toBeUndefined();
});

it('a client that hangs up is gone for the host of the upload too', async () => {
  const closed = new Promise<void>((resolve) => {
    answer = (request) => {
      request.resume();
      request.on('error', () => {});
      request.once('close', () => resolve());
    };
  });
  const asked = begin('PATCH', { 'content-length': '1000000' });
  asked.on('error', () => {});
  asked.write('half');
  await once(owner, 'request');
  asked.destroy();
  await closed;
});

it('a host that breaks off in the middle of its answer breaks it off for the client', async () => {
  answer = (request, response) => {
    request.resume();
    response.writeHead(200, { 'content-length': '100' });
    response.write('half', () => response.destroy());
  };
  const asked = begin('GET');
  asked.end();
  const response = await responseTo(asked);
  await expect(read(response)).rejects.toThrow();
});

it('an answer that comes before all was sent reaches a client that is still sending', async () => {
  answer = (_request, response) => {
    response.writeHead(413, { 'content-type': 'text/plain' }).end('too large');
  };
  const asked = begin('PATCH', { 'content-length': '100000000' });
  asked.on('error', () => {});
  asked.write(Buffer.alloc(100_000));
  const response = await responseTo(asked);

  expect(response.statusCode).toBe(413);
  expect(await read(response)).toBe('too large');
});

it.each([
  ['a host that refuses connections', () => Object.assign(addresses, { b: 'http://127.0.0.1:1' })],
  ['a host that nobody knows', () => delete addresses['b']],
  [
    'a host that hangs up before it answers',
    () => {
      answer = (request) => void request.socket.destroy();
    },
  ],
  [
    'a host that says nothing',
    () => {
      answer = (request) => void request.resume();
    },
  ],
])('%s is told of as one that is away for now', async (_what, set) => {
  set();
  const asked = begin('PATCH', { 'content-length': '5' });
  asked.end('12345');
  const response = await responseTo(asked);

  expect(response.statusCode).toBe(503);
  expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
  expect(JSON.parse(await read(response))).toMatchObject({ code: 'HOST_AWAY' });
});

it('stock clients, which begin anew after anything else, are told that the upload is held when they ask for its offset', async () => {
  addresses['b'] = 'http://127.0.0.1:1';
  const asked = begin('HEAD');
  asked.end();
  expect((await responseTo(asked)).statusCode).toBe(423);
});

it('what another host has passed on is not passed on again', async () => {
  addresses['b'] = urlOf(door);
  const asked = begin('PATCH', { 'content-length': '5' });
  asked.end('12345');
  expect((await responseTo(asked)).statusCode).toBe(503);
});
