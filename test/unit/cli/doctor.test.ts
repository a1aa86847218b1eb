import { describe, expect, it } from 'vitest';
import type { Status } from '../../../src/cli/api-shapes.ts';
import { judgeClock } from '../../../src/cli/doctor/clock.ts';
import { judgeLine } from '../../../src/cli/doctor/line.ts';
import { checkNode } from '../../../src/cli/doctor/node-version.ts';
import { checkPm2, type Pm2 } from '../../../src/cli/doctor/pm2.ts';
import { checkPipeline } from '../../../src/cli/doctor/ports.ts';
import { judgeRedis } from '../../../src/cli/doctor/redis.ts';
import { freePort } from '../../support/free-port.ts';

const NOW_MS = Date.parse('2026-11-21T10:00:00Z');
const WELL: Status = {
  version: '1.2.3',
  paused: false,
  site_gone: null,
  counts: { waiting: 2, done: 5 },
  oldest_waiting_at: '2026-11-21T09:00:00Z',
  moving: null,
  redis: 'ok',
  troubles: [],
  processes: [],
  given_up: 0,
  disk: { free_bytes: 1, total_bytes: 1, reserve_bytes: 0 },
  services: [{ service: 'b2', state: 'ok', open_until: null, last_error: null }],
};

describe('the clock', () => {
  it.each([
    [[0, -59_000, 30_000], 'ok'],
    [[600_000, 598_000, 0], 'fail'],
    [[-61_000], 'fail'],
    // One service has a wrong clock, not this machine.
    [[0, 1000, 600_000], 'ok'],
    [[], 'warn'],
  ] as const)('ahead of the services by %j is %s', (skewsMs, state) => {
    expect(judgeClock(skewsMs).state).toBe(state);
  });
});

describe('the line', () => {
  it.each<[string, Partial<Status>, string, string]>([
    ['nothing', {}, 'ok', '2 waiting, 5 done, nothing is stuck'],
    [
      'a worker that is silent',
      {
        troubles: [
          {
            kind: 'process',
            title: 'The worker has not been heard of for 3 minutes',
            advice: 'Look.',
            blocking: true,
          },
        ],
      },
      'fail',
      'The worker has not been heard of for 3 minutes',
    ],
    ['failed recordings', { counts: { failed: 3 } }, 'fail', '3 failed'],
    ['a website that is gone', { site_gone: 'https://site' }, 'fail', 'the website wants no announcements'],
    ['a pause', { paused: true }, 'warn', 'the line is paused'],
    ['a long wait', { oldest_waiting_at: '2026-11-18T09:00:00Z' }, 'warn', 'the oldest has waited for 3 d'],
    [
      'an open circuit',
      { services: [{ service: 'b2', state: 'open', open_until: '2026-11-21T10:05:00Z', last_error: null }] },
      'warn',
      'b2 is left alone until',
    ],
  ])('with %s', (_what, change, state, text) => {
    expect(judgeLine({ ...WELL, ...change }, NOW_MS)).toMatchObject({
      state,
      text: expect.stringContaining(text),
    });
  });
});

describe('Redis', () => {
  const well = {
    redis_version: '7.0.15',
    loading: '0',
    maxmemory: '0',
    maxmemory_policy: 'noeviction',
    aof_enabled: '1',
  };

  it.each<[string, Partial<typeof well>, string]>([
    ['all as it should be', {}, 'ok'],
    ['no append-only file', { aof_enabled: '0' }, 'warn'],
    ['eviction, and memory without a limit', { maxmemory_policy: 'allkeys-lru' }, 'warn'],
    ['eviction, and limited memory', { maxmemory_policy: 'allkeys-lru', maxmemory: '1000000' }, 'fail'],
    ['an old version', { redis_version: '5.0.14' }, 'fail'],
    ['its file still being read', { loading: '1' }, 'warn'],
  ])('with %s', (_what, change, state) => {
    const lines = Object.entries({ ...well, ...change }).map(([name, value]) => `${name}:${value}`);

    expect(judgeRedis(['# Server', ...lines, ''].join('\r\n')).state).toBe(state);
  });
});

describe('what pm2 has started', () => {
  const app = (name: string, status: string, ageMs = 5000, restarts = 0) => ({
    name,
    pm2_env: { status, restart_time: restarts, pm_uptime: Date.now() - ageMs, pm_cwd: '/opt/sluice' },
  });
  const ALL = ['redis', 'worker', 'pipeline', 'tus'];
  const signal = new AbortController().signal;
  const pm2With = (...apps: ReturnType<typeof app>[]): Pm2 => ({
    apps: async () => apps,
    isStarting: async () => false,
  });

  it.each([
    ['all of it online', ALL.map((name) => app(name, 'online')), 'ok'],
    [
      'one still launching',
      [...ALL.slice(1).map((name) => app(name, 'online')), app('redis', 'launching')],
      'warn',
    ],
    ['only the first ones there', [app('redis', 'online'), app('worker', 'launching')], 'warn'],
    ['one missing for long', [app('redis', 'online', 60_000)], 'fail'],
    ['one that ends again and again', [app('redis', 'online'), app('worker', 'launching', 100, 3)], 'fail'],
    ['one stopped', [app('redis', 'stopped'), app('worker', 'online')], 'fail'],
  ] as const)('with %s', async (_what, apps, state) => {
    expect(await checkPm2({ pm2: pm2With(...apps), hasRedis: true, signal })).toMatchObject({ state });
  });

  it('is starting, and has not failed, where nobody answers yet', async () => {
    const options = { isBeforeStart: false, signal };
    const url = `http://127.0.0.1:${await freePort()}`;

    expect(
      await checkPipeline(url, { ...options, pm2: { ...pm2With(), isStarting: async () => true } }),
    ).toMatchObject({ state: 'warn', text: expect.stringContaining('is starting') });
    expect(await checkPipeline(url, { ...options, pm2: pm2With() })).toMatchObject({
      state: 'fail',
      advice: expect.stringContaining('does not run'),
    });
  });
});

describe('Node', () => {
  it.each([
    ['20.19.0', 'ok'],
    ['24.1.0', 'ok'],
    ['20.18.9', 'fail'],
    ['18.20.0', 'fail'],
  ])('%s is %s', (version, state) => {
    expect(checkNode(version).state).toBe(state);
  });
});
