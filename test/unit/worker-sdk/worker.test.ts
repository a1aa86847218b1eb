import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findInstanceId } from '../../../packages/worker-sdk/src/instance.ts';
import { createLog, type LogLevel } from '../../../packages/worker-sdk/src/log.ts';
import { loadSettings } from '../../../packages/worker-sdk/src/settings.ts';
import { createWorker } from '../../../packages/worker-sdk/src/worker.ts';
import { orderOf, startWorker } from '../../support/worker.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'worker-life-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(name: string, text: string | object): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof text === 'string' ? text : JSON.stringify(text));
  return path;
}

describe('the life of a worker', () => {
  it.each(['1', 'true', 'TRUE'])(
    'W12 W13 tells what it is with DESCRIBE=%s, and does nothing else',
    async (word) => {
      const done: string[] = [];
      const worker = startWorker({ DESCRIBE: word }, async () => undefined, {
        init: () => void done.push('init'),
      });

      expect(await worker.ended).toBe(0);
      expect(JSON.parse(worker.printed.join(''))).toEqual(worker.description);
      expect([done, worker.lines]).toEqual([[], []]);
    },
  );

  it('W11 does not start when its init fails', async () => {
    const init = () => Promise.reject(new Error('no graphics card'));
    const worker = startWorker({ SOURCE_ORDERS: 'nowhere.json' }, async () => undefined, { init });

    expect(await worker.ended).toBe(1);
    expect(worker.lines.at(-1)).toContain('The worker does not start: no graphics card');
  });

  it('W16 does the orders of files in turn: created, init, started, completed', async () => {
    const done: string[] = [];
    const paths = [await fileOf('a.json', orderOf(1)), await fileOf('b.json', orderOf(2))];
    const worker = startWorker(
      { SOURCE_ORDERS: paths.join(':') },
      async ({ jobId }) => void done.push(`process ${jobId}`),
      { init: () => void done.push('init') },
    );

    expect(await worker.ended).toBe(0);
    expect(done).toEqual(['init', 'process 1', 'process 2']);
    const keys = worker.lines.flatMap((line) => line.match(/INFO - (worker_\w+|job_\w+) \{/)?.[1] ?? []);
    const ofOne = ['worker_initialized', 'worker_started', 'job_progression', 'job_completed'];
    expect(keys).toEqual(['worker_created', ...ofOne, ...ofOne]);
  });

  it.each([
    ['is missing', undefined],
    ['is no JSON', '{'],
    ['lacks a parameter', { job_id: 1, parameters: [] }],
    ['fails', orderOf(666)],
  ])('W17 goes on with the next order when one %s, and ends with 1', async (_name, order) => {
    const first = order === undefined ? join(folder, 'nowhere') : await fileOf('first.json', order);
    const second = await fileOf('second.json', orderOf(2));
    const done: number[] = [];
    const worker = startWorker({ SOURCE_ORDERS: `${first}:${second}` }, async ({ jobId }) => {
      if (jobId === 666) throw new Error('it fails');
      done.push(jobId);
    });

    expect(await worker.ended).toBe(1);
    expect(done).toEqual([2]);
  });

  it('W10 refuses an outcome that is none', async () => {
    const path = await fileOf('outcome.json', orderOf(1));
    const outcome = { destinationPaths: '/out' };
    const worker = startWorker({ SOURCE_ORDERS: path }, async () => outcome as never);

    expect(await worker.ended).toBe(1);
    expect(worker.lines.join('')).toContain('"process" has given back no outcome: destinationPaths');
  });

  it.each([
    ['no version', { name: 'a', version: 'one' }, /version/],
    ['no name', { version: '1.0.0' }, /name/],
    ['no JSON', '{', /cannot be read/],
  ])('W10 refuses a package of %s', async (_name, text, words) => {
    const path = await fileOf('package.json', text);

    expect(() =>
      createWorker(
        { package: path, parameters: z.object({}), process: async () => undefined },
        { env: {}, print: () => undefined, writeLog: () => undefined },
      ),
    ).toThrow(words);
  });

  it.each([
    ['no process', { process: undefined }, 'The worker has no function "process"'],
    ['no object of parameters', { parameters: z.string() }, 'are no object of zod'],
  ])('W10 refuses a worker with %s', (_name, more, words) => {
    expect(() => startWorker({ DESCRIBE: '1' }, async () => undefined, more as never)).toThrow(words);
  });
});

describe('the id of an instance', () => {
  it.each([
    ['docker', '12:cpu:/docker/0123456789abcdef0123456789abcdef\n', '0123456789ab'],
    ['kubernetes', '1:name=x:/kubepods/besteffort/pod1-2/fedcba9876543210\nmore', 'fedcba987654'],
  ])('W14 is that of the container: %s', async (name, cgroup, expected) => {
    expect(findInstanceId({ cgroupPath: await fileOf(name, cgroup) })).toBe(expected);
  });

  it.each([
    ['none', undefined],
    ['of the second version', '0::/\n'],
    ['of a service', '0::/system.slice/worker.service\n'],
    ['of a user', '1:cpu:/user/login\n'],
  ])('W14 is a new one where the control group is %s', async (name, cgroup) => {
    const cgroupPath = cgroup === undefined ? join(folder, 'nowhere') : await fileOf(name, cgroup);
    const id = findInstanceId({ cgroupPath });

    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(findInstanceId({ cgroupPath })).not.toBe(id);
  });
});

describe('the log', () => {
  function logged(options: { level?: LogLevel; isJson?: boolean }): string[] {
    const lines: string[] = [];
    const log = createLog({
      level: 'info',
      isJson: false,
      instanceId: 'abc',
      queue: 'job_test',
      write: (line) => lines.push(line),
      now: () => new Date('2026-01-02T03:04:05.678Z'),
      ...options,
    });
    log.debug('a');
    log.ofJob(7).info('b\nc');
    log.warn('d');
    log.error('e');
    return lines;
  }

  it('W58 has time, instance, queue, job and level in each line', () => {
    expect(logged({})).toEqual([
      '2026-01-02T03:04:05.678Z - abc - job_test - 7 - INFO - b\\nc\n',
      '2026-01-02T03:04:05.678Z - abc - job_test - -1 - WARN - d\n',
      '2026-01-02T03:04:05.678Z - abc - job_test - -1 - ERROR - e\n',
    ]);
  });

  it('W58 is JSON alone where it is asked for', () => {
    expect(logged({ isJson: true }).map((line) => JSON.parse(line))[0]).toEqual({
      time: '2026-01-02T03:04:05.678Z',
      instance_id: 'abc',
      queue: 'job_test',
      job_id: 7,
      level: 'INFO',
      message: 'b\nc',
    });
  });

  it.each([
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ] as const)('W58 says from %s upwards what it is to say', (level, lines) => {
    expect(logged({ level })).toHaveLength(lines);
  });
});

describe('settings', () => {
  it('W59 has the usual ones where nothing is set, or set to nothing', () => {
    expect(loadSettings({ AMQP_HOSTNAME: '' })).toMatchObject({
      amqp: {
        hostname: '127.0.0.1',
        port: 5672,
        isTls: false,
        username: 'guest',
        password: 'guest',
        vhost: '/',
        queue: 'job_undefined',
        isPersistent: true,
        isCluster: false,
      },
      log: { level: 'info', isJson: false },
      describes: false,
    });
  });

  it.each(['true', '1', 'True', 'TRUE'])('W59 takes all that is set, TLS by %s', (word) => {
    const settings = loadSettings({
      AMQP_HOSTNAME: 'mq',
      AMQP_PORT: '5671',
      AMQP_TLS: word,
      AMQP_USERNAME: 'u',
      AMQP_PASSWORD: 'p',
      AMQP_VIRTUAL_HOST: 'v',
      AMQP_QUEUE: 'job_a',
      AMQP_DELIVERY_MODE: '1',
      AMQP_SERVER_CONFIGURATION: 'cluster',
      MCAI_LOG: 'WARN',
      ONLY_JSON_LOGS: 'true',
    });

    expect(settings).toMatchObject({
      amqp: {
        hostname: 'mq',
        port: 5671,
        isTls: true,
        username: 'u',
        password: 'p',
        vhost: 'v',
        queue: 'job_a',
        isPersistent: false,
        isCluster: true,
      },
      log: { level: 'warn', isJson: true },
    });
    expect(loadSettings({ AMQP_VHOST: 'a', AMQP_VIRTUAL_HOST: 'b' }).amqp.vhost).toBe('a');
  });

  it.each(['amqp', '0', '70000', '1.5'])('W60 takes the usual port for %s', (port) => {
    expect(loadSettings({ AMQP_PORT: port }).amqp.port).toBe(5672);
  });

  it('W59 tells all that is wrong at once', () => {
    const load = () => loadSettings({ AMQP_QUEUE: 'job_#', MCAI_LOG: 'loud', AMQP_DELIVERY_MODE: '3' });

    expect(load).toThrow(/AMQP_QUEUE/);
    expect(load).toThrow(/MCAI_LOG/);
    expect(load).toThrow(/AMQP_DELIVERY_MODE/);
  });
});
