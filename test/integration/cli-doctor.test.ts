import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { startTus } from '../../src/processes/tus.ts';
import { type CliOptions, cliOf as cliOfHouse, openTerminal, runSluice } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { type House, openHouse } from '../support/house.ts';

interface Diagnosis {
  readonly check: string;
  readonly state: string;
  readonly text: string;
  readonly advice?: string;
}

/** It encodes with each encoder that there is, which takes longer than all other checks. */
const NO_FFMPEG = { FFMPEG: 'none' };

let house: House;
let tusPort: string;
let tus: Awaited<ReturnType<typeof startTus>>;
let worker: Awaited<ReturnType<House['startWorker']>>;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  tusPort = String(await freePort());
  house = await openHouse({ TUS_PORT: tusPort, SILENT_AFTER_S: '3' });
  tus = await startTus(house.config, pino({ level: 'silent' }));
  worker = await house.startWorker();
});
afterAll(async () => {
  await tus.stop();
  await house.close();
});

/** How the command finds the house, with all that runs in it. */
const cliOf = (of: House, env: Readonly<Record<string, string>> = {}) =>
  cliOfHouse(of, { TUS_PORT: tusPort, ...NO_FFMPEG, ...env });
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function diagnose(options: CliOptions, ...args: string[]) {
  const { exitCode, json, stderr } = await runSluice(['doctor', '--json', ...args], options);
  if (json === undefined) throw new Error(`no answer: ${stderr}`);
  const of = (name: string): Diagnosis => json.checks.find(({ check }: Diagnosis) => check === name);
  return { exitCode, state: json.state, checks: json.checks as Diagnosis[], of };
}

/** The settings of a Sluice that does not run, with these services. */
async function absent(simulators: AllSimulators, env: Record<string, string> = {}): Promise<CliOptions> {
  const cwd = await mkdtemp(join(tmpdir(), 'sluice-doctor-'));
  closers.push(() => rm(cwd, { recursive: true, force: true }));
  return {
    cwd,
    env: {
      ...simulators.environment,
      DATA_DIR: join(cwd, 'data'),
      PIPELINE_PORT: String(await freePort()),
      TUS_PORT: String(await freePort()),
      DISK_RESERVE_BYTES: '0',
      ...NO_FFMPEG,
      ...env,
    },
  };
}

async function simulate(options: Parameters<typeof startAllSimulators>[0] = {}): Promise<AllSimulators> {
  const simulators = await startAllSimulators(options);
  closers.push(() => simulators.close());
  return simulators;
}

describe('sluice doctor', () => {
  it('finds nothing wrong with what runs and is set up', async () => {
    const { exitCode, checks } = await diagnose(cliOf(house, { FFMPEG: 'ffmpeg' }));

    const states = Object.fromEntries(checks.map(({ check, state }) => [check, state]));
    expect(states).toMatchObject({
      Node: 'ok',
      settings: 'ok',
      disk: 'ok',
      ffmpeg: 'ok',
      ledger: 'ok',
      Redis: 'ok',
      pipeline: 'ok',
      tus: 'ok',
      clock: 'ok',
      'Backblaze B2': 'ok',
      'Bunny Stream': 'ok',
      Zoom: 'ok',
      website: 'ok',
      line: 'ok',
      processes: 'ok',
    });
    expect(exitCode).toBe(0);
  });

  it('works where Sluice does not run, and makes nothing', async () => {
    const options = await absent(await simulate());

    const { exitCode, of } = await diagnose(options, '--before-start');

    expect(exitCode).toBe(0);
    for (const check of ['pipeline', 'tus', 'Redis', 'processes', 'line'])
      expect(of(check).state).toBe('skip');
    expect(of('ledger')).toMatchObject({
      state: 'ok',
      text: expect.stringContaining('made by the first start'),
    });
    await expect(chmod(join(options.cwd, 'data'), 0o700)).rejects.toThrow('ENOENT');
  });

  it('lists every setting that is wrong, and looks at what else it can', async () => {
    const { environment } = await simulate();
    const { B2_KEY_ID: _, ...rest } = environment;
    const options = await absent({ environment: rest } as unknown as AllSimulators, { TUS_PORT: 'many' });

    const { exitCode, of } = await diagnose(options);

    expect(exitCode).toBe(4);
    expect(of('settings')).toMatchObject({
      state: 'fail',
      text: expect.stringMatching(/TUS_PORT: .*B2_KEY_ID: is required/),
    });
    expect(of('Backblaze B2')).toMatchObject({
      state: 'skip',
      text: expect.stringContaining('B2_KEY_ID'),
    });
    expect(of('tus')).toMatchObject({ state: 'skip', text: expect.stringContaining('TUS_PORT') });
    for (const check of ['Node', 'disk', 'ledger', 'clock', 'Bunny Stream', 'Zoom', 'website']) {
      expect(of(check), check).toMatchObject({ state: 'ok' });
    }
    expect(of('Redis').text).toContain('does not run');
    expect(of('pipeline').text).toContain('nobody answers');
  });

  it.each<[string, Parameters<typeof startAllSimulators>[0], string, Partial<Diagnosis>]>([
    [
      'a B2 key that may not write',
      { b2: { capabilities: ['listBuckets', 'listFiles', 'readFiles'] } },
      'Backblaze B2',
      { state: 'fail', text: 'the key lacks writeFiles' },
    ],
    [
      'a B2 key that may not delete',
      { b2: { capabilities: ['listBuckets', 'listFiles', 'readFiles', 'writeFiles'] } },
      'Backblaze B2',
      { state: 'warn', advice: expect.stringContaining('cancelled') },
    ],
    [
      'a Zoom app without the scope',
      { zoom: { scope: 'user:read:admin' } },
      'Zoom',
      { state: 'fail', text: expect.stringContaining('cloud_recording:read:list_recording_files') },
    ],
  ])('finds %s', async (_what, simulated, check, expected) => {
    const { of } = await diagnose(await absent(await simulate(simulated)));

    expect(of(check)).toMatchObject(expected);
  });

  it.each<[string, Record<string, string>, string, Partial<Diagnosis>]>([
    [
      'a wrong B2 key',
      { B2_APPLICATION_KEY: 'wrong' },
      'Backblaze B2',
      { state: 'fail', advice: expect.stringContaining('B2_APPLICATION_KEY') },
    ],
    [
      'a B2 that is not there',
      { B2_API_URL: 'http://127.0.0.1:1' },
      'Backblaze B2',
      { state: 'fail', advice: expect.stringContaining('B2_API_URL') },
    ],
    [
      'a bucket that is not there',
      { B2_BUCKET: 'another-bucket' },
      'Backblaze B2',
      { state: 'fail', text: expect.stringContaining('another-bucket') },
    ],
    ['a wrong Bunny key', { BUNNY_API_KEY: 'wrong' }, 'Bunny Stream', { state: 'fail' }],
    ['another Bunny library', { BUNNY_LIBRARY_ID: '1' }, 'Bunny Stream', { state: 'fail' }],
    ['a wrong Zoom secret', { ZOOM_CLIENT_SECRET: 'wrong' }, 'Zoom', { state: 'fail' }],
    [
      'no Zoom credentials',
      { ZOOM_CLIENT_SECRET: '', ZOOM_CLIENT_ID: '', ZOOM_ACCOUNT_ID: '' },
      'Zoom',
      { state: 'warn', advice: expect.stringContaining('a day') },
    ],
    ['a Redis that is away', { REDIS_URL: 'redis://127.0.0.1:1' }, 'Redis', { state: 'fail' }],
    [
      'a program elsewhere that is away',
      {
        EXECUTOR: 'http',
        EXECUTOR_URL: 'http://127.0.0.1:1/jobs',
        PUBLIC_URL: 'https://sluice.example',
      },
      'executor',
      { state: 'fail', advice: expect.stringContaining('EXECUTOR_URL') },
    ],
    ['a website that is away', { SITE_WEBHOOK_URL: 'http://127.0.0.1:1/x' }, 'website', { state: 'fail' }],
    [
      'a disk without room',
      { DISK_RESERVE_BYTES: '9007199254740991' },
      'disk',
      { state: 'fail', text: expect.stringContaining('no recording can come in') },
    ],
  ])('finds %s', async (_what, env, check, expected) => {
    const { exitCode, of } = await diagnose(cliOf(house, env));

    expect(of(check)).toMatchObject({ advice: expect.any(String), ...expected });
    expect(exitCode).toBe(expected.state === 'fail' ? 4 : 0);
  });

  it('finds something else at the port, and a clock that is wrong', async () => {
    const other = createServer((_request, response) => {
      response.setHeader('date', new Date(Date.now() - 600_000).toUTCString()).end('hello');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => other.close(resolve)));
    const { port } = other.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    const options = await absent(await simulate(), {
      PIPELINE_PORT: String(port),
      BUNNY_API_URL: url,
      ZOOM_OAUTH_URL: url,
    });

    const { of } = await diagnose(options);

    expect(of('pipeline')).toMatchObject({ state: 'fail', text: expect.stringContaining('something else') });
    expect(of('clock')).toMatchObject({ state: 'fail', text: 'is 10 min ahead' });
  });

  it('finds a ledger that others may read', async () => {
    await chmod(house.config.ledgerAddress, 0o644);
    try {
      expect((await diagnose(cliOf(house))).of('ledger')).toMatchObject({
        state: 'warn',
        advice: expect.stringContaining('chmod 600'),
      });
    } finally {
      await chmod(house.config.ledgerAddress, 0o600);
    }
  });

  it('does not wait for a service that says nothing', async () => {
    const { bunny, ...simulators } = await simulate();
    bunny.fail({ on: 'GET /library/*', stall: true });

    const { of } = await diagnose(await absent({ bunny, ...simulators }), '--timeout', '1');

    expect(of('Bunny Stream')).toMatchObject({ state: 'fail', text: 'no answer within 1 s' });
  });

  it('tells a website that believes anybody, and tries a signature where that is asked for', async () => {
    const heard = house.site.received().length;
    await diagnose(cliOf(house));
    expect(house.site.received().slice(heard)).toMatchObject([{ type: 'sluice.test', isValid: false }]);

    const { of } = await diagnose(cliOf(house), '--site-event');
    expect(of('website')).toMatchObject({ state: 'ok', text: 'has taken a signed test announcement' });
    expect(house.site.received().at(-1)).toMatchObject({ type: 'sluice.test', isValid: true });

    house.site.fail({ on: 'POST *', status: 204 });
    expect((await diagnose(cliOf(house))).of('website')).toMatchObject({ state: 'warn' });

    const wrong = { SITE_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}` };
    const refused = await diagnose(cliOf(house, wrong), '--site-event');
    expect(refused.of('website')).toMatchObject({ state: 'fail' });
  });

  it('finds a Redis that answers and takes no writes', async () => {
    const redis = new Redis({ path: house.redis.socketPath });
    try {
      await redis.config('SET', 'maxmemory', '1');
      // The processes find it with their next sign of life.
      await expect
        .poll(async () => (await diagnose(cliOf(house))).of('line').state, { timeout: 30_000 })
        .toBe('fail');
      const { exitCode, of } = await diagnose(cliOf(house));

      expect(exitCode).toBe(4);
      expect(of('Redis')).toMatchObject({ state: 'fail', text: 'is full and takes no writes' });
      expect(of('line')).toMatchObject({
        state: 'fail',
        text: expect.stringContaining('Redis is full and takes no writes'),
      });
    } finally {
      await redis.config('SET', 'maxmemory', '0');
      redis.disconnect();
    }
  });

  it('finds a worker that is not heard of any more, and so do status and list', async () => {
    await worker.stop();
    try {
      await expect
        .poll(async () => (await diagnose(cliOf(house))).of('line').text, { timeout: 60_000 })
        .toContain('The worker has not been heard of for');
      expect(await diagnose(cliOf(house))).toMatchObject({ exitCode: 4, state: 'fail' });

      const status = await runSluice(['status'], cliOf(house));
      expect(status.exitCode).toBe(4);
      expect(status.stdout).toMatch(
        /Nothing moves\..*worker: not heard of for.*! The worker has not been heard of/s,
      );
      expect((await runSluice(['list'], cliOf(house))).stderr).toContain(
        '! The worker has not been heard of for',
      );
    } finally {
      worker = await house.startWorker();
    }
    await expect
      .poll(async () => (await runSluice(['status'], cliOf(house))).stdout, { timeout: 60_000 })
      .toContain('worker: ok');
  }, 150_000);

  it('finds announcements that were given up, which replay sends again', async () => {
    const { id } = await house.addCustom('untold');
    await house.reaches(id, 'done');
    await house.announced(id);
    const delivery = await house.deliveries.add({
      recordingId: id,
      type: 'recording.published',
      body: '{}',
      occasion: 'untold',
    });
    await house.deliveries.fail(delivery.id, { code: 'REMOTE_REJECTED', message: 'no' });

    const { exitCode, of } = await diagnose(cliOf(house));
    expect(exitCode).toBe(4);
    expect(of('line')).toMatchObject({
      state: 'fail',
      text: '1 announcement to the website was given up',
      advice: expect.stringContaining('sluice replay --given-up'),
    });

    const replay = await runSluice(['replay', '--given-up'], cliOf(house));
    expect([replay.exitCode, replay.stdout]).toEqual([0, '1 announcement is sent again.\n']);
    await expect.poll(async () => (await house.deliveries.get(delivery.id))?.state).toBe('delivered');
    expect((await runSluice(['replay', '--given-up'], cliOf(house))).stdout).toBe('Nothing was given up.\n');
    expect((await runSluice(['replay', 'msg_none', '--json'], cliOf(house))).exitCode).toBe(1);
    expect((await runSluice(['replay'], cliOf(house))).exitCode).toBe(2);
  });

  it('does not take for well what does not run, not even where its folder is not to be found', async () => {
    const options = await absent(await simulate());

    const { exitCode, state, of } = await diagnose(options);

    expect([exitCode, state]).toEqual([4, 'fail']);
    for (const check of ['pipeline', 'tus', 'Redis', 'processes']) {
      expect(of(check)).toMatchObject({ state: 'fail', advice: expect.stringContaining('npm start') });
    }
  });

  it('survives a port that is none, also in the .env', async () => {
    const options = await absent(await simulate());
    const { PIPELINE_PORT: _, ...env } = options.env;
    await writeFile(join(options.cwd, '.env'), 'PIPELINE_PORT=abc\n', { mode: 0o600 });

    const { exitCode, of } = await diagnose({ ...options, env });
    expect(exitCode).toBe(4);
    expect(of('settings')).toMatchObject({ state: 'fail', text: 'PIPELINE_PORT: must be a number' });
    expect(of('pipeline')).toMatchObject({ state: 'skip', text: 'needs PIPELINE_PORT, see settings' });
    expect(of('Backblaze B2').state).toBe('ok');

    const list = await runSluice(['list'], { ...options, env });
    expect([list.exitCode, list.stderr]).toEqual([1, expect.stringContaining('PIPELINE_PORT')]);
  });

  it('asks the server that is named on the command line', async () => {
    const options = await absent(await simulate(), { PIPELINE_PORT: 'abc' });

    const { of } = await diagnose(options, '--url', house.config.pipeline.url);

    expect(of('pipeline')).toMatchObject({ state: 'ok', text: `answers at ${house.config.pipeline.url}` });
    expect(of('line').state).toBe('ok');
  });

  it('names what is odd in the .env, and what others may read', async () => {
    const options = await absent(await simulate());
    const path = join(options.cwd, '.env');
    await writeFile(path, 'ALARM_WEBHOKK_URL=https://hooks.example/x\nRETRY_ATEMPTS=3\nNODE_ENV=x\n', {
      mode: 0o644,
    });
    await chmod(path, 0o644);

    const { of } = await diagnose(options);

    expect(of('.env')).toMatchObject({
      state: 'warn',
      text: expect.stringMatching(/did you mean ALARM_WEBHOOK_URL\?.*did you mean RETRY_ATTEMPTS\?/),
    });
    expect(of('.env').text).not.toContain('NODE_ENV');
    expect(of('.env').text).not.toContain('hooks.example');
    expect(of('secrets')).toMatchObject({ state: 'warn', text: expect.stringContaining(path) });
  });

  it('says of a file of accounts that is broken, and goes on', async () => {
    const options = await absent(await simulate());
    const file = join(options.cwd, 'accounts.yaml');
    await writeFile(file, 'accounts: [');
    const plain = ['ZOOM_WEBHOOK_SECRET_TOKEN', 'ZOOM_ACCOUNT_ID', 'ZOOM_CLIENT_ID', 'ZOOM_CLIENT_SECRET'];
    const without = Object.fromEntries(plain.map((name) => [name, '']));

    const { of } = await diagnose({
      ...options,
      env: { ...options.env, ...without, ZOOM_ACCOUNTS_FILE: file },
    });

    expect(of('settings')).toMatchObject({ state: 'fail', text: expect.stringContaining(file) });
    expect(of('Zoom').state).toBe('skip');
    expect(of('Backblaze B2').state).toBe('ok');
  });

  it('finds operators’ pages that a proxy shows to everybody, and webhooks that do not get through', async () => {
    const { pipeline } = house.config;
    let passes = (_path: string) => true;
    let headers: Record<string, string> = {};
    const proxy = createServer((request, response) => {
      const { method = 'GET', url = '/' } = request;
      if (!passes(url)) return void response.writeHead(404).end('not here');
      const port = url.startsWith('/tusupload') ? tusPort : pipeline.port;
      request.resume();
      fetch(`http://127.0.0.1:${port}${url}`, {
        method,
        headers: { ...headers, 'content-type': 'application/json' },
        ...(method === 'POST' ? { body: '{}' } : {}),
        redirect: 'manual',
      }).then(
        async (answer) => {
          response.writeHead(answer.status, { 'tus-version': answer.headers.get('tus-version') ?? [] });
          response.end(await answer.text());
        },
        (error) => response.destroy(error),
      );
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => proxy.close(resolve)));
    const PUBLIC_URL = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const outside = async () => (await diagnose(cliOf(house, { PUBLIC_URL }))).of('outside');

    expect(await outside()).toMatchObject({
      state: 'fail',
      text: expect.stringContaining('anybody may read /api/status, /metrics, /'),
    });
    headers = { 'x-forwarded-for': '203.0.113.7' };
    expect(await outside()).toMatchObject({ state: 'ok' });
    passes = (path) => path === '/tusupload';
    expect(await outside()).toMatchObject({
      state: 'warn',
      text: expect.stringContaining('/zoom-upload (404)'),
    });
    const closed = { PUBLIC_URL: 'http://127.0.0.1:1' };
    expect((await diagnose(cliOf(house, closed))).of('outside')).toMatchObject({
      state: 'warn',
      text: expect.stringContaining('cannot be told'),
    });
    expect((await diagnose(cliOf(house))).of('outside').state).toBe('skip');
  });

  it('finds what has failed', async () => {
    const { id, path } = await house.addCustom('lost');
    await rm(path);
    await house.reaches(id, 'failed');

    const { exitCode, of } = await diagnose(cliOf(house));

    expect(exitCode).toBe(4);
    expect(of('line')).toMatchObject({
      state: 'fail',
      text: '1 failed',
      advice: expect.stringContaining('sluice retry --failed'),
    });
  });

  it('shows in a terminal all checks at once, and then how each has ended', async () => {
    const terminal = openTerminal(['doctor'], cliOf(house, { B2_APPLICATION_KEY: 'wrong' }));

    expect(await terminal.ended).toEqual({ exitCode: 4, isRestored: true });

    expect(terminal.text()).toMatch(/…[^\n]*Backblaze B2/);
    expect(terminal.redraws()).toBeGreaterThan(4);
    expect(terminal.isCursorBack()).toBe(true);
    const screen = terminal.screen();
    expect(screen.filter((line) => line.includes('Backblaze B2'))).toEqual([
      expect.stringMatching(/^fail +Backblaze B2 +/),
    ]);
    expect(screen.join('\n')).toMatch(/ok +Bunny Stream +library /);
    expect(screen.some((line) => line.startsWith('…'))).toBe(false);
  });
});
