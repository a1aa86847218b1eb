import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRedisProbe } from '../../src/queue/redis-probe.ts';
import { answersPing, findServer } from '../support/redis.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A Redis as somebody else has set it up, and a connection to it. */
async function redisWith(...options: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-probe-'));
  const path = join(folder, 'r.sock');
  const base = ['--port', '0', '--unixsocket', path, '--dir', folder, '--save', '', '--daemonize', 'no'];
  const child: ChildProcess = spawn(findServer(), [...base, ...options], { stdio: 'ignore' });
  closers.push(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await rm(folder, { recursive: true, force: true });
  });
  await vi.waitUntil(() => answersPing(path), 10_000);
  const connection = new Redis({ path, maxRetriesPerRequest: null, retryStrategy: () => 50 });
  connection.on('error', () => {});
  closers.push(async () => connection.disconnect());
  await vi.waitUntil(() => connection.status === 'ready', 5000);
  return { connection, folder, child, probe: createRedisProbe({ connection, app: 'test' }) };
}

type Setup = (redis: Awaited<ReturnType<typeof redisWith>>) => Promise<unknown>;

describe('a Redis that answers', () => {
  it.each<[string, string[], Setup, string]>([
    [
      'is full',
      [],
      ({ connection }) => connection.config('SET', 'maxmemory', '1'),
      'is full and takes no writes',
    ],
    [
      'is a read-only replica',
      [],
      ({ connection }) => connection.call('REPLICAOF', '127.0.0.1', '1'),
      'is a replica, which takes no writes',
    ],
    [
      'cannot save',
      ['--save', '3600 1'],
      async ({ connection, folder }) => {
        await connection.set('x', 1);
        await rm(folder, { recursive: true });
        await connection.call('BGSAVE').catch(() => {});
        await vi.waitUntil(
          async () => (await connection.info('persistence')).includes('rdb_last_bgsave_status:err'),
          5000,
        );
      },
      'cannot save to its disk and takes no writes',
    ],
    [
      'lacks its replicas',
      [],
      ({ connection }) => connection.config('SET', 'min-replicas-to-write', '1'),
      'has too few replicas and takes no writes',
    ],
    ['is a cluster', ['--cluster-enabled', 'yes'], async () => {}, 'runs in cluster mode'],
    [
      'lets this user not write',
      [],
      ({ connection }) => connection.call('ACL', 'SETUSER', 'default', '-set'),
      'does not let this user write',
    ],
    ['hangs', [], async ({ child }) => child.kill('SIGSTOP'), 'does not take writes: no answer within 3 s'],
  ])('and %s does not count as one that works', async (_what, options, setUp, why) => {
    const redis = await redisWith(...options);
    await setUp(redis);

    expect(await redis.probe.look()).toMatchObject({
      state: 'refusing',
      why,
      advice: expect.stringMatching(/\.$/),
    });
  });

  it('is looked at anew, and seen to work again', async () => {
    const { connection, probe } = await redisWith();
    expect(await probe.look()).toEqual({ state: 'ok', why: undefined, advice: undefined });
    await connection.config('SET', 'maxmemory', '1');
    await vi.waitFor(async () => expect((await probe.look()).state).toBe('refusing'), 5000);
    await connection.config('SET', 'maxmemory', '0');
    await vi.waitFor(async () => expect((await probe.look()).state).toBe('ok'), 5000);
  });

  it('and throws keys away is told of, though it takes writes', async () => {
    const { probe } = await redisWith('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');

    expect(await probe.look()).toMatchObject({
      state: 'ok',
      why: 'throws keys away when its memory is full (allkeys-lru)',
    });
  });

  it('leaves nothing behind of what was written', async () => {
    const { connection, probe } = await redisWith();
    await probe.look();
    expect(await connection.pttl('sluice:probe:test')).toBeGreaterThan(0);
  });
});

it('a Redis that is gone is away at once', async () => {
  const { connection, child, probe } = await redisWith();
  await probe.look();
  child.kill('SIGKILL');
  await vi.waitUntil(() => connection.status !== 'ready', 5000);

  expect((await probe.look()).state).toBe('away');
});
