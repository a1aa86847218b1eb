import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAllSimulators } from '../../simulators/all.ts';
import { freePort } from '../support/free-port.ts';
import { spawnProcess, systemEnvironment } from '../support/processes.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const PM2 = ['node_modules/pm2/bin/pm2', 'start', 'ecosystem.config.js'];

let root = '';
const closers: (() => unknown)[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-start-'));
  await copy('ecosystem.config.js', 'package.json', 'package-lock.json', 'scripts', 'bin');
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(root, { recursive: true, force: true });
});

async function copy(...names: string[]): Promise<void> {
  for (const name of names) await cp(join(CHECKOUT, name), join(root, name), { recursive: true });
}

async function link(...names: string[]): Promise<void> {
  for (const name of names) await symlink(join(CHECKOUT, name), join(root, name));
}

/** Runs Node, or another program, in the checkout to its end; with a home of its own. */
async function start(args: readonly string[], env: Record<string, string> = {}, program = process.execPath) {
  const child = spawn(program, args, {
    cwd: root,
    env: { ...systemEnvironment(), HOME: join(root, 'home'), PM2_DISCRETE_MODE: 'true', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, ...output };
}

/** Settings with which nothing is missing. */
async function completeSettings(): Promise<Record<string, string>> {
  const simulators = await startAllSimulators();
  closers.push(() => simulators.close());
  const [pipelinePort, tusPort] = [await freePort(), await freePort()];
  return { ...simulators.environment, PIPELINE_PORT: String(pipelinePort), TUS_PORT: String(tusPort) };
}

/** Listens, as another program would that was there first. */
async function take(port: string | undefined): Promise<void> {
  const server = createServer().listen(Number(port), '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
}

describe('the start', () => {
  it('ends with one list of what is missing in .env, before pm2 and before anything is made', async () => {
    await link('dist', 'node_modules');
    await writeFile(join(root, '.env'), 'B2_KEY_ID=id\nPIPELINE_PORT=abc\n');

    const { exitCode, stdout, stderr } = await start(['scripts/start.mjs']);

    expect(exitCode).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /^The settings are not complete, and some are wrong:\n( {2}[A-Z0-9_]+: .*\n)+See \.env\.example\.\n$/,
    );
    expect(stderr).toContain('  PIPELINE_PORT: must be a number\n');
    expect(stderr.match(/B2_APPLICATION_KEY/g)).toHaveLength(1);
    expect(await readdir(root)).not.toContain('data');
    expect(await readdir(root)).not.toContain('home');
  });

  it('under pm2 is refused in the same words', async () => {
    await link('dist', 'node_modules');
    const env = { PM2_HOME: join(root, 'pm2') };
    closers.push(() => start(['node_modules/pm2/bin/pm2', 'kill'], env));

    const { exitCode, stderr } = await start(PM2, env);

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^The settings are not complete:\n/);
    expect(stderr).toContain(
      `There is no .env in ${await realpath(root)}: "install -m 600 .env.example .env"`,
    );
    expect(stderr).toContain('npm run simulators');
    expect(stderr.match(/B2_APPLICATION_KEY/g)).toHaveLength(1);
    expect(await readdir(root)).not.toContain('data');
  });

  it('says what is odd about the settings before what is wrong, and what a misspelt one was meant to be', async () => {
    await link('dist', 'node_modules');
    const { BUNNY_API_KEY: key, ...settings } = await completeSettings();
    const lines = Object.entries({ ...settings, BUNNY_APIKEY: key }).map(
      ([name, value]) => `${name}=${value}\n`,
    );
    await writeFile(join(root, '.env'), lines.join(''));

    const { exitCode, stderr } = await start(['scripts/start.mjs']);

    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      [
        'This is odd about the settings:',
        '  BUNNY_APIKEY is no setting of Sluice: did you mean BUNNY_API_KEY?',
        'The settings are not complete:',
        '  BUNNY_API_KEY: is required; did you mean it by BUNNY_APIKEY, which is no setting?',
        'See .env.example.',
        '',
      ].join('\n'),
    );
  });

  it('names every port that is taken, and what to do', async () => {
    await link('dist', 'node_modules');
    const settings = await completeSettings();
    await take(settings['PIPELINE_PORT']);
    await take(settings['TUS_PORT']);

    const { exitCode, stderr } = await start(['scripts/start.mjs'], settings);

    expect(exitCode).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([
      'Sluice cannot start like this:',
      expect.stringMatching(
        /^ {2}PIPELINE_PORT: 127\.0\.0\.1:\d+ is taken .*ss -ltnp.* change PIPELINE_PORT in \.env\.$/,
      ),
      expect.stringMatching(/^ {2}TUS_PORT: 127\.0\.0\.1:\d+ is taken .* change TUS_PORT in \.env\.$/),
    ]);
  });

  it('says whose the folder has to be that cannot be written', async () => {
    await link('dist', 'node_modules');
    await writeFile(join(root, 'occupied'), '');
    const env = { ...(await completeSettings()), DATA_DIR: './occupied/data' };

    const { exitCode, stderr } = await start(['scripts/start.mjs', '--service'], env);

    expect(exitCode).toBe(78);
    expect(stderr).toMatch(
      /^Sluice cannot start like this:\n {2}DATA_DIR: \S+ cannot be written by \S+: give it .*\n$/,
    );
  });

  it.each([
    ['pipeline', 'PIPELINE_PORT'],
    ['tus', 'TUS_PORT'],
  ] as const)('of %s alone tells of a port that is taken in one sentence', async (name, setting) => {
    const settings = await completeSettings();
    await take(settings[setting]);
    const output: string[] = [];
    const env = { ...systemEnvironment(), ...settings, LOG_LEVEL: 'error' };

    const child = spawnProcess(name, { cwd: root, env }, (text) => output.push(text));
    const [exitCode] = await once(child, 'close');

    expect(exitCode).toBe(1);
    expect(output.join('')).toMatch(
      new RegExp(`^127\\.0\\.0\\.1:\\d+ is taken [^\\n]* change ${setting} in \\.env\\.\\n$`),
    );
  });
});

describe('the command of a fresh clone', () => {
  it('says that the packages are missing', async () => {
    const { exitCode, stdout, stderr } = await start(['bin/sluice.mjs', 'doctor']);

    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toBe(`The packages of Sluice are not installed: run "npm ci" in ${root}.\n`);
  });

  it('says so if the build fails, and what to do', async () => {
    await link('node_modules');
    await copy('tsconfig.json', 'tsconfig.build.json');
    await cp(join(CHECKOUT, 'src/domain/errors.ts'), join(root, 'src/domain/errors.ts'));

    const { exitCode, stderr } = await start(['bin/sluice.mjs', 'doctor']);

    expect(exitCode).toBe(1);
    expect(stderr).toContain('src does not compile, see above');
    expect(stderr.trim().split('\n').at(-1)).toBe(
      `Sluice could not be built, see above: run "npm run build" in ${root}.`,
    );
  });

  it('works through npx before a build and after it, with one cache, and builds by itself', async () => {
    await link('node_modules');
    await copy('src', 'tsconfig.json', 'tsconfig.build.json', 'buf.gen.yaml');
    const npx = () => start(['sluice', '--version'], { npm_config_update_notifier: 'false' }, 'npx');

    const first = await npx();
    const second = await npx();

    const { stdout: version } = await run('npm', ['pkg', 'get', 'version'], { cwd: root });
    expect(first).toMatchObject({ exitCode: 0, stdout: `${JSON.parse(version)}\n` });
    expect(first.stderr).toMatch(/^Sluice is not built yet, so that comes first \.\.\.\n/);
    expect(second).toEqual({ exitCode: 0, stdout: first.stdout, stderr: '' });
  });
});
