import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createStores } from '../../../packages/worker-sdk/src/stores.ts';

/** A store of credentials behind HTTP, which says what it was asked. */
describe('a store behind HTTP', () => {
  const asked: string[] = [];
  const credentials = new Map([
    ['SPEECH/KEY', 'a secret'],
    ['NUMBER', '12'],
  ]);
  let token = 'token-1';
  let server: Server;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const body = await bodyOf(request);
      asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}${body}`);
      const answer = (status: number, value: unknown) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      if (request.url === '/api/sessions') {
        const { session } = JSON.parse(body);
        return answer(session.password === 'right' ? 200 : 401, { access_token: token });
      }
      if (request.headers.authorization !== token) return answer(401, {});
      const key = decodeURIComponent(request.url?.replace('/api/credentials/', '') ?? '');
      if (key === 'ODD') return answer(200, { data: 'odd' });
      const value = credentials.get(key);
      if (value === undefined) return answer(404, {});
      return answer(200, { data: { id: 1, key, value, inserted_at: '2026-01-01T00:00:00' } });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const hostname = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
    env = {
      BACKEND_HOSTNAME: hostname,
      BACKEND_USERNAME: 'a@b.c',
      BACKEND_PASSWORD: 'right',
      OTHER_HOSTNAME: hostname,
    };
  });
  beforeEach(() => {
    asked.length = 0;
    token = 'token-1';
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('W7 logs in with the name and password of its code, and asks for the key with the bare token', async () => {
    const read = createStores({ env, fetch });

    expect(await read('BACKEND', 'SPEECH/KEY')).toBe('a secret');
    expect(asked).toEqual([
      'POST /api/sessions {"session":{"email":"a@b.c","password":"right"}}',
      'GET /api/credentials/SPEECH%2FKEY token-1',
    ]);
  });

  it('W7 logs in once, and anew when its session is over', async () => {
    const read = createStores({ env, fetch });
    await read('BACKEND', 'NUMBER');
    await read('BACKEND', 'NUMBER');
    token = 'token-2';

    expect(await read('BACKEND', 'NUMBER')).toBe('12');
    expect(asked.map((line) => line.split(' ').slice(0, 3).join(' ').replace(/ \{.*/, ''))).toEqual([
      'POST /api/sessions',
      'GET /api/credentials/NUMBER token-1',
      'GET /api/credentials/NUMBER token-1',
      'GET /api/credentials/NUMBER token-1',
      'POST /api/sessions',
      'GET /api/credentials/NUMBER token-2',
    ]);
  });

  it.each([
    ['an unknown key', 'BACKEND', 'NOWHERE', 'the store answered 404 for "NOWHERE"'],
    ['an answer of another shape', 'BACKEND', 'ODD', `the store's answer for "ODD" cannot be read`],
    ['a wrong password', 'OTHER', 'NUMBER', 'the store answered 401 to the login'],
  ])('W7 says what failed: %s', async (_name, code, key, words) => {
    await expect(createStores({ env, fetch })(code, key)).rejects.toThrow(words);
  });
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
