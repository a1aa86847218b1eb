import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { requireLocal } from '../../../src/server/local-only.ts';

function from(remoteAddress: string | undefined, headers: Record<string, string> = {}): FastifyRequest {
  // Only what the guard looks at.
  return {
    socket: { remoteAddress },
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
});
