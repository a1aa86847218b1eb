import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startAllSimulators } from '../../simulators/all.ts';
import { freePort } from '../support/free-port.ts';
import { SAMPLE } from '../support/house.ts';
import { systemEnvironment } from '../support/processes.ts';
import { answersPing } from '../support/redis.ts';
import { waitForState } from './recordings.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const FOLDER = join(CHECKOUT, 'docs/systemd');
const SERVICES = ['sluice.service', 'sluice@.service', 'sluice-redis.service'];
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

function analyze(...args: string[]) {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8', cwd: FOLDER });
  return { status, text: stdout + stderr };
}

it.skipIf(!hasSystemd)('the units have no mistakes', () => {
  const { status, text } = analyze('verify', ...[...SERVICES, 'sluice.target'].map((unit) => `./${unit}`));

  expect(text.split('\n').filter((line) => line.includes('sluice'))).toEqual([]);
  expect(status).toBe(0);
});

it.skipIf(!hasSystemd).each(SERVICES)('the unit shuts Sluice in: %s', (unit) => {
  const { status, text } = analyze('security', '--offline=yes', '--threshold=20', `./${unit}`);

  // Of 10, which is no protection at all; the threshold counts in tenths.
  expect(text).toMatch(/Overall exposure level for \S+: 1\.\d/);
  expect(status).toBe(0);
});

it('no unit sets what the command would not see', async () => {
  for (const unit of SERVICES) {
    const text = await readFile(join(FOLDER, unit), 'utf8');
    const set = [...text.matchAll(/^Environment(File)?=(.*)$/gm)].map(([, , value]) => value);
    // Where the doctor looks for it too.
    expect(set, unit).toEqual(unit === 'sluice.service' ? ['PM2_HOME=/var/lib/sluice/pm2'] : []);
  }
});

describe('the units without pm2', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** A checkout, built, with these lines in its .env. */
  async function install(settings: Readonly<Record<string, string>>): Promise<string> {
    const root = await mkdtemp(join(tmpdir(), 'sluice-units-'));
    closers.push(() => rm(root, { recursive: true, force: true }));
    for (const name of ['ecosystem.config.js', 'package.json', 'scripts']) {
      await cp(join(CHECKOUT, name), join(root, name), { recursive: true });
    }
    for (const name of ['dist', 'node_modules']) await symlink(join(CHECKOUT, name), join(root, name));
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(join(root, '.env'), lines.join(''));
    return root;
  }

  /** Does what systemd does for ExecStart. */
  async function start(root: string, unit: string, instance: string) {
    const text = await readFile(join(FOLDER, unit), 'utf8');
    const command = /^ExecStart=(.*)$/m
      .exec(text)?.[1]
      ?.replaceAll('/opt/sluice', root)
      .replace('%i', instance);
    const [program = '', ...args] = command?.split(' ') ?? [];
    const output: string[] = [];
    const child = spawn(program, args, {
      cwd: root,
      env: systemEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => output.push(String(chunk)));
    closers.push(() => end(child, 'SIGKILL'));
    return { child, text: () => output.join('') };
  }

  async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  }

  it('bring a recording home with what .env says, and write nothing but standard output to be read', async () => {
    const simulators = await startAllSimulators();
    closers.push(() => simulators.close());
    const port = await freePort();
    const root = await install({
      ...simulators.environment,
      DATA_DIR: './elsewhere',
      PIPELINE_PORT: String(port),
      TUS_PORT: String(await freePort()),
      DISK_RESERVE_BYTES: '0',
    });

    const redis = await start(root, 'sluice-redis.service', '');
    const worker = await start(root, 'sluice@.service', 'worker');
    const pipeline = await start(root, 'sluice@.service', 'pipeline');
    await expect.poll(() => answersPing(join(root, 'elsewhere/redis.sock')), { timeout: 60_000 }).toBe(true);
    await expect.poll(pipeline.text, { timeout: 60_000 }).toContain('"event":"process.started"');
    const path = join(root, 'lesson.mp4');
    await cp(SAMPLE, path);
    const response = await fetch(`http://127.0.0.1:${port}/custom-upload`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ path, title: 'Lesson' }),
    });
    const { id } = (await response.json()) as { id: string };
    await waitForState(`http://127.0.0.1:${port}`, id, 'done');

    // The process is the one that systemd signals, and each ends well: the last is Redis.
    expect(await end(worker.child)).toBe(0);
    expect(await end(pipeline.child)).toBe(0);
    expect(await end(redis.child)).toBe(0);
    expect(worker.text()).toContain('"event":"process.stopped"');
    await expect(readFile(join(root, 'elsewhere/logs/worker-out.log'))).rejects.toThrow('ENOENT');
  });

  it('say what is missing, and end with what systemd does not try again', async () => {
    const root = await install({ B2_KEY_ID: 'id' });

    const { child, text } = await start(root, 'sluice@.service', 'worker');
    const [exitCode] = await once(child, 'close');

    expect(exitCode).toBe(78);
    expect(text()).toMatch(/^The settings are not complete:\n(.*\n)+See \.env\.example\.\n$/);
    expect(await readFile(join(FOLDER, 'sluice@.service'), 'utf8')).toContain(
      '\nRestartPreventExitStatus=78\n',
    );
  });

  it('need no Redis of their own where .env names one', async () => {
    const simulators = await startAllSimulators();
    closers.push(() => simulators.close());
    const root = await install({ ...simulators.environment, REDIS_URL: 'redis://127.0.0.1:1' });

    const { child, text } = await start(root, 'sluice-redis.service', '');
    const [exitCode] = await once(child, 'close');

    expect(exitCode).toBe(0);
    expect(text()).toContain('not needed');
  });
});
