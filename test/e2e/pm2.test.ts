import { once } from 'node:events';
import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { freePort } from '../support/free-port.ts';
import { SAMPLE, writeVideo } from '../support/house.ts';
import { isAlive, openPm2House, type Pm2House } from '../support/pm2.ts';
import { answersPing } from '../support/redis.ts';
import { isWhole } from '../support/whole-tables.ts';
import { announceMeeting, SLOW_BYTES_PER_SECOND, waitForSpooledBytes, waitForState } from './recordings.ts';

const MIB = 1024 * 1024;
const NAMES = ['pipeline', 'redis', 'tus', 'worker'] as const;
const POLL = { timeout: 60_000, interval: 200 };

let house: Pm2House;
let simulators: AllSimulators;
let pipelineUrl: string;

beforeEach(async () => {
  simulators = await startAllSimulators();
  house = await openPm2House({ ...simulators.environment, TUS_PORT: String(await freePort()) });
  await usePipelinePort(await freePort());
});

afterEach(async () => {
  await house?.close();
  await simulators?.close();
});

describe('ecosystem.config.js under pm2', () => {
  it('R31 R32 starts the three processes and a Redis, and nothing stays behind a pm2 kill', async () => {
    await house.pm2('start', 'ecosystem.config.js', '--silent');

    const pids = Object.values(await onlinePids());
    const daemonPid = (await house.daemonPid()) ?? 0;
    expect(pids.filter(isAlive)).toHaveLength(4);
    expect(await isHealthy()).toBe(true);
    expect(await redisSettings()).toEqual({
      appendfsync: 'always',
      appendonly: 'yes',
      'maxmemory-policy': 'noeviction',
      port: '0',
      save: '',
      unixsocketperm: '700',
    });

    await house.pm2('kill', '--silent');

    expect(pids.filter(isAlive)).toEqual([]);
    await expect.poll(() => isAlive(daemonPid), POLL).toBe(false);
  });

  it.runIf(isWhole)(
    'ends Redis in good order after all others, and by itself when it alone is stopped',
    async () => {
      await house.pm2('start', 'ecosystem.config.js', '--silent');
      const { redis = 0, worker = 0 } = await onlinePids();

      await house.pm2('restart', 'redis', '--silent');
      expect((await onlinePids())['worker']).toBe(worker);
      expect(isAlive(redis)).toBe(false);
      await expect.poll(() => answersPing(redisSocket()), POLL).toBe(true);
      process.kill(worker, 'SIGSTOP');
      const stopping = house.pm2('stop', 'ecosystem.config.js', '--silent');
      await expect.poll(() => readPm2Log(), POLL).toContain('Stopping app:worker');
      process.kill(worker, 'SIGCONT');
      await stopping;

      const log = await readFile(join(house.dataDir, 'logs/redis-out.log'), 'utf8');
      expect(log.match(/ready to exit, bye bye/g)).toHaveLength(2);
      expect(await readPm2Log()).not.toContain('SIGKILL');
    },
  );

  it.runIf(isWhole)('says once, at its start, what is odd about the settings', async () => {
    await writeFile(join(house.root, '.env'), 'RETRY_ATEMPTS=3\n', { flag: 'a' });
    const runtime = house.startRuntime();
    const output: string[] = [];
    for (const stream of [runtime.stdout, runtime.stderr])
      stream?.on('data', (chunk) => output.push(String(chunk)));

    await expect.poll(() => output.join(''), POLL).toContain('Sluice is ready');

    expect(output.join('').match(/RETRY_ATEMPTS/g)).toHaveLength(1);
    expect(output.join('')).toContain('  Stop         Ctrl+C\n');
  });

  it('R32 restarts one process without touching the others', async () => {
    await house.pm2('start', 'ecosystem.config.js', '--silent');
    const before = await onlinePids();

    await house.pm2('restart', 'pipeline', '--silent');

    const { pipeline, ...others } = await onlinePids();
    expect({ ...others, pipeline: before['pipeline'] }).toEqual(before);
    expect(pipeline).not.toBe(before['pipeline']);
    expect(await isHealthy()).toBe(true);
  });

  it('R31 heals a kill -9 of each of the four, and brings home what comes afterwards', async () => {
    await house.pm2('start', 'ecosystem.config.js', '--silent');

    for (const [at, name] of NAMES.entries()) {
      const before = await onlinePids();
      const killedPid = before[name] ?? 0;
      process.kill(killedPid, 'SIGKILL');

      await expect
        .poll(async () => (await onlinePids())[name], { ...POLL, message: name })
        .not.toBe(killedPid);
      expect({ ...(await onlinePids()), [name]: killedPid }, name).toEqual(before);
      await expect.poll(isHealthy, { ...POLL, message: name }).toBe(true);
      await expect.poll(() => answersPing(redisSocket()), { ...POLL, message: name }).toBe(true);
      const id = await bringByCustomDoor(`after-${name}.mp4`);
      await waitForState(pipelineUrl, id, 'done');
      expect(await simulators.b2.files(), name).toHaveLength(at + 1);
      expect(simulators.bunny.videos(), name).toHaveLength(at + 1);
    }
  });

  it.runIf(isWhole)('gives a process the settings of .env as they are when it is restarted', async () => {
    await house.pm2('start', 'ecosystem.config.js', '--silent');
    expect(await isHealthy()).toBe(true);

    await usePipelinePort(await freePort());
    expect(await isHealthy()).toBe(false);
    await house.pm2('restart', 'pipeline', '--silent');

    expect(await isHealthy()).toBe(true);
  });
});

describe('ecosystem.config.js in the foreground', () => {
  it.each(isWhole ? (['SIGINT', 'SIGTERM'] as const) : ['SIGINT' as const])(
    'logs to the terminal and to files until %s, which ends everything and interrupts a recording cleanly',
    async (signal) => {
      const runtime = house.startRuntime();
      const output: string[] = [];
      runtime.stdout?.on('data', (chunk) => output.push(String(chunk)));
      await expect.poll(isHealthy, POLL).toBe(true);
      const address = pipelineUrl.replace('127.0.0.1', 'localhost');
      await expect.poll(() => output.join(''), POLL).toContain(`\nSluice is ready: ${address}\n`);
      const pids = await onlinePids();
      const id = await startSlowRecording();

      // The worker hears of it last, and still finds Redis there to give its recording back.
      process.kill(pids['worker'] ?? 0, 'SIGSTOP');
      runtime.kill(signal);
      const isPipelineGone = `pid=${pids['pipeline']} msg=process tree killed`;
      await expect.poll(() => output.join(''), POLL).toContain(isPipelineGone);
      process.kill(pids['worker'] ?? 0, 'SIGCONT');
      const [exitCode] = await once(runtime, 'exit');

      expect(exitCode).toBe(0);
      expect(output.join('')).not.toMatch(/failed to kill|SIGKILL/);
      expect(output.join('')).not.toContain('Redis version');
      const redisLog = await readFile(join(house.dataDir, 'logs/redis-out.log'), 'utf8');
      expect(redisLog).toMatch(/ready to exit, bye bye/);
      expect(Object.values(pids).filter(isAlive)).toEqual([]);
      const log = await readFile(join(house.dataDir, 'logs/worker-out.log'), 'utf8');
      expect(log).toContain('"event":"process.stopped"');
      expect(log).not.toContain('"event":"worker.abandoned"');
      for (const line of log.trim().split('\n')) expect(output.join('')).toContain(line);

      simulators.zoom.cdn.link.bytesPerSecond = undefined;
      await house.pm2('start', 'ecosystem.config.js', '--silent');
      const recording = await waitForState(pipelineUrl, id, 'done');
      expect(recording.failed_attempts).toBe(0);
      expect(recording.events.map(({ type }) => type)).toContain('attempt.interrupted');
    },
  );
});

describe('ecosystem.config.js by itself', () => {
  it.each([
    ['REDIS_URL is not set', {}, '', NAMES],
    ['REDIS_URL is empty', { REDIS_URL: '' }, '', NAMES],
    ['REDIS_URL is blank in .env', {}, 'REDIS_URL=" "', NAMES],
    ['the environment blanks the REDIS_URL of .env', { REDIS_URL: '' }, 'REDIS_URL=redis://127.0.0.1', NAMES],
    ['REDIS_URL is set', { REDIS_URL: 'redis://127.0.0.1:6379' }, '', ['pipeline', 'tus', 'worker']],
    ['REDIS_URL is set in .env', {}, 'REDIS_URL=redis://127.0.0.1:6379', ['pipeline', 'tus', 'worker']],
  ] as const)('names its apps when %s', async (_name, environment, envFile, names) => {
    await writeFile(join(house.root, '.env'), envFile);

    const apps = await house.readEcosystem(environment);

    expect(apps.map(({ name }) => name).sort()).toEqual(names);
  });

  it('takes the folder and the shutdown time from .env, and leaves its secrets alone', async () => {
    const envFile = 'DATA_DIR=./elsewhere\nSHUTDOWN_TIMEOUT_S=20\nB2_APPLICATION_KEY=hidden\n';
    await writeFile(join(house.root, '.env'), envFile);

    const apps = await house.readEcosystem();

    const elsewhere = join(house.root, 'elsewhere');
    const worker = apps.find(({ name }) => name === 'worker');
    expect(worker).toMatchObject({
      cwd: house.root,
      kill_timeout: 24_000,
      out_file: join(elsewhere, 'logs/worker-out.log'),
    });
    expect(apps.find(({ name }) => name === 'redis')?.['args']).toContain(join(elsewhere, 'redis.sock'));
    expect(JSON.stringify(apps)).not.toContain('hidden');
    expect((await stat(elsewhere)).mode & 0o777).toBe(0o700);
    expect((await stat(join(elsewhere, 'redis'))).mode & 0o777).toBe(0o700);
  });
});

async function usePipelinePort(port: number): Promise<void> {
  await writeFile(join(house.root, '.env'), `PIPELINE_PORT=${port}\n`);
  pipelineUrl = `http://127.0.0.1:${port}`;
}

/** Announces a recording whose download takes seconds, and waits until it has begun; gives back its id. */
async function startSlowRecording(): Promise<string> {
  const { zoom } = simulators;
  zoom.cdn.link.bytesPerSecond = SLOW_BYTES_PER_SECOND;
  const source = await writeVideo(join(house.root, 'meeting.mp4'), 16 * MIB);
  const id = await announceMeeting(zoom, pipelineUrl, source);
  await waitForSpooledBytes(house.dataDir, id, 2 * MIB);
  return id;
}

/** The process id of each app; fails if there is another app or one that is not online. */
async function onlinePids(): Promise<Record<string, number>> {
  await expect
    .poll(
      async () =>
        (await house.apps())
          .filter(({ status }) => status === 'online')
          .map(({ name }) => name)
          .sort(),
      POLL,
    )
    .toEqual(NAMES);
  return Object.fromEntries((await house.apps()).map(({ name, pid }) => [name, pid]));
}

async function readPm2Log(): Promise<string> {
  return await readFile(join(house.root, 'pm2/pm2.log'), 'utf8');
}

function redisSocket(): string {
  return join(house.dataDir, 'redis.sock');
}

async function isHealthy(): Promise<boolean> {
  return await fetch(`${pipelineUrl}/healthz`).then(
    (response) => response.ok,
    () => false,
  );
}

async function bringByCustomDoor(fileName: string): Promise<string> {
  const path = join(house.root, fileName);
  await copyFile(SAMPLE, path);
  const response = await fetch(`${pipelineUrl}/custom-upload`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ path, title: 'Lesson' }),
  });
  expect(response.status).toBe(202);
  const { id } = (await response.json()) as { id: string };
  return id;
}

/** The settings of the Redis on the socket, as far as recordings depend on them. */
async function redisSettings(): Promise<Record<string, string>> {
  const redis = new Redis({ path: redisSocket() });
  try {
    const names = ['appendonly', 'appendfsync', 'maxmemory-policy', 'port', 'save', 'unixsocketperm'];
    const answer = (await redis.config('GET', ...(names as [string]))) as string[];
    return Object.fromEntries(
      answer.flatMap((name, at) => (at % 2 === 0 ? [[name, answer[at + 1] ?? '']] : [])),
    );
  } finally {
    redis.disconnect();
  }
}
