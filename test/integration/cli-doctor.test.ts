import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { startTus } from '../../src/tus/compose.ts';
import { type CliOptions, cliOf as cliOfHouse, openTerminal, runSluice } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { type House, openHouse } from '../support/house.ts';

interface Diagnosis {
  readonly check: string;
  readonly state: string;
  readonly text: string;
  readonly advice?: string;
}

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
  cliOfHouse(of, { TUS_PORT: tusPort, ...env });
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
    const { exitCode, checks } = await diagnose(cliOf(house));

    const states = Object.fromEntries(checks.map(({ check, state }) => [check, state]));
    expect(states).toMatchObject({
      Node: 'ok',
      settings: 'ok',
      disk: 'ok',
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
    });
    expect(exitCode).toBe(0);
  });

  it('works where Sluice does not run, and makes nothing', async () => {
    const options = await absent(await simulate());

    const { exitCode, of } = await diagnose(options);

    expect(exitCode).toBe(0);
    expect(of('pipeline')).toMatchObject({ state: 'warn', advice: expect.stringContaining('npm start') });
    expect(of('tus')).toMatchObject({ state: 'warn' });
    expect(of('Redis')).toMatchObject({ state: 'warn' });
    expect(of('line')).toMatchObject({ state: 'skip' });
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
    expect(of('Backblaze B2').state).toBe('skip');
    expect(of('Node').state).toBe('ok');
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
    ['a wrong B2 key', { B2_APPLICATION_KEY: 'wrong' }, 'Backblaze B2', { state: 'fail' }],
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
    await chmod(house.config.ledgerPath, 0o644);
    try {
      expect((await diagnose(cliOf(house))).of('ledger')).toMatchObject({
        state: 'warn',
        advice: expect.stringContaining('chmod 600'),
      });
    } finally {
      await chmod(house.config.ledgerPath, 0o600);
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
        .poll(async () => (await diagnose(cliOf(house))).of('line').text, { timeout: 20_000 })
        .toContain('The worker has not been heard of for');
      expect(await diagnose(cliOf(house))).toMatchObject({ exitCode: 4, state: 'fail' });

      const status = await runSluice(['status'], cliOf(house));
      expect(status.exitCode).toBe(4);
      expect(status.stdout).toMatch(
        /Nothing moves\..*worker: not heard of for.*! The worker has not been heard of/s,
      );
      expect((await runSluice(['list'], cliOf(house))).stdout).toContain(
        '! The worker has not been heard of for',
      );
    } finally {
      worker = await house.startWorker();
    }
    await expect
      .poll(async () => (await runSluice(['status'], cliOf(house))).stdout, { timeout: 20_000 })
      .toContain('worker: ok');
  });

  it('finds announcements that were given up, which replay sends again', async () => {
    const { id } = await house.addCustom('untold');
    await house.reaches(id, 'done');
    await house.announced(id);
    const [delivery] = await house.deliveries.ofRecording(id);
    await house.deliveries.fail(delivery?.id ?? '', { code: 'REMOTE_REJECTED', message: 'no' });

    const { exitCode, of } = await diagnose(cliOf(house));
    expect(exitCode).toBe(4);
    expect(of('line')).toMatchObject({
      state: 'fail',
      text: '1 announcement to the website was given up',
      advice: expect.stringContaining('sluice replay --given-up'),
    });

    const replay = await runSluice(['replay', '--given-up'], cliOf(house));
    expect([replay.exitCode, replay.stdout]).toEqual([0, '1 announcement is sent again.\n']);
    await expect.poll(async () => (await house.deliveries.get(delivery?.id ?? ''))?.state).toBe('delivered');
    expect((await runSluice(['replay', '--given-up'], cliOf(house))).stdout).toBe('Nothing was given up.\n');
    expect((await runSluice(['replay', 'msg_none', '--json'], cliOf(house))).exitCode).toBe(1);
    expect((await runSluice(['replay'], cliOf(house))).exitCode).toBe(2);
  });

  it('does not take for well what has run and does not run now', async () => {
    const options = await absent(await simulate());
    await mkdir(options.env['DATA_DIR'] ?? '');
    await (
      await openLedger({ path: join(options.env['DATA_DIR'] ?? '', 'ledger.db'), leaseMs: 1000 })
    ).close();

    const { exitCode, of } = await diagnose(options);

    expect(exitCode).toBe(4);
    for (const check of ['pipeline', 'tus', 'Redis']) expect(of(check).state).toBe('fail');
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
