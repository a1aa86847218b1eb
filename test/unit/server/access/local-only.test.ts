import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { callerOf, requireLocal } from '../../../../src/server/access/local-only.ts';

function from(remoteAddress: string | undefined, headers: Record<string, string> = {}): FastifyRequest {
  // Only what the guard looks at.
  return {
    socket: { remoteAddress },
    raw: { httpVersion: '1.1' },
    headers: { host: 'localhost:9009', ...headers },
  } as unknown as FastifyRequest;
}

describe('requireLocal', () => {
  it.each(['127.0.0.1', '127.0.0.53', '::1', '::ffff:127.0.0.1'])('lets %s pass', async (address) => {
    await expect(requireLocal(from(address))).resolves.toBeUndefined();
  });

  it.each([
    '192.168.1.7',
    '10.0.0.1',
    '8.8.8.8',
    '::ffff:10.0.0.1',
    '::ffff:1.127.0.1',
    'fe80::1',
    '::',
    '0.0.0.0',
    '1270.0.0.1',
    '',
    undefined,
  ])('refuses %s', async (address) => {
    await expect(requireLocal(from(address))).rejects.toMatchObject({ code: 'NOT_LOCAL' });
  });

  it.each(['forwarded', 'via', 'x-forwarded-for', 'x-real-ip', 'cf-connecting-ip'])(
    'refuses what came through a proxy, by its header %s, also when that is empty',
    async (name) => {
      const refused = { code: 'NOT_LOCAL', message: expect.stringContaining(name) };

      await expect(requireLocal(from('127.0.0.1', { [name]: '127.0.0.1' }))).rejects.toMatchObject(refused);
      await expect(requireLocal(from('127.0.0.1', { [name]: '' }))).rejects.toMatchObject(refused);
    },
  );

  it.each(['localhost', 'LOCALHOST:9009', '127.0.0.1:9009', '[::1]:9009'])(
    'lets Host %s pass',
    async (host) => {
      await expect(requireLocal(from('127.0.0.1', { host }))).resolves.toBeUndefined();
    },
  );

  it.each(['rebound.example.com', 'localhost.example.com', '127.0.0.1.example.com:9009', ''])(
    'refuses Host %s, a name that was made to lead here',
    async (host) => {
      await expect(requireLocal(from('127.0.0.1', { host }))).rejects.toMatchObject({ code: 'NOT_LOCAL' });
    },
  );

  it('refuses what a page of another site sends from a browser on this machine', async () => {
    for (const origin of ['https://evil.example.com', 'http://localhost.example.com', 'null']) {
      await expect(requireLocal(from('::1', { origin }))).rejects.toMatchObject({ code: 'NOT_LOCAL' });
    }
    await expect(requireLocal(from('::1', { origin: 'http://localhost:9009' }))).resolves.toBeUndefined();
  });

  it('refuses a page that another server of this machine has sent', async () => {
    for (const origin of ['http://localhost:3000', 'http://127.0.0.1:9009', 'http://localhost']) {
      await expect(requireLocal(from('::1', { origin }))).rejects.toMatchObject({ code: 'NOT_LOCAL' });
    }
  });

  it.each(['cross-site', 'same-site', 'anything-new'])(
    'refuses what a browser calls %s, also when it only reads',
    async (relation) => {
      const request = from('127.0.0.1', { 'sec-fetch-site': relation });

      await expect(requireLocal(request)).rejects.toMatchObject({ code: 'NOT_LOCAL' });
    },
  );

  it.each(['same-origin', 'none'])('lets pass what a browser calls %s', async (relation) => {
    await expect(requireLocal(from('::1', { 'sec-fetch-site': relation }))).resolves.toBeUndefined();
  });

  it('refuses HTTP/1.0, which only a proxy that tells nothing of itself speaks', async () => {
    const request = { ...from('127.0.0.1'), raw: { httpVersion: '1.0' } } as unknown as FastifyRequest;

    await expect(requireLocal(request)).rejects.toMatchObject({ code: 'NOT_LOCAL' });
  });
});

describe('a caller is counted by', () => {
  it.each<[string, string, Record<string, string>, string]>([
    ['its address', '203.0.113.7', {}, '203.0.113.7'],
    ['its address, however it is written', '::ffff:203.0.113.7', {}, '203.0.113.7'],
    [
      'what the nearest proxy says',
      '127.0.0.1',
      { 'x-forwarded-for': '6.6.6.6, 203.0.113.7' },
      '203.0.113.7',
    ],
    [
      'its address, if it only plays the proxy',
      '203.0.113.7',
      { 'x-forwarded-for': '6.6.6.6' },
      '203.0.113.7',
    ],
    ['its network in IPv6', '2001:db8:1:2:3:4:5:6', {}, '2001:db8:1:2'],
    ['its network in short', '2001:db8::6', {}, '2001:db8:0:0'],
    ['its network with zeros', '2001:0db8:0000:0002::1', {}, '2001:db8:0:2'],
    ['an empty word of a proxy', '::1', { 'x-forwarded-for': '' }, ''],
  ])('%s', (_name, address, headers, caller) => {
    expect(callerOf(from(address, headers))).toBe(caller);
  });

  it('no more than a line, whatever a proxy says', () => {
    const headers = { 'x-forwarded-for': `${'x:'.repeat(5000)}` };

    expect(callerOf(from('::1', headers)).length).toBeLessThan(65);
  });
});
