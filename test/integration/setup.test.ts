import { spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const CHECKOUT = join(import.meta.dirname, '../..');

const LOCK_FILE = {
  packages: {
    '': { name: 'tiny' },
    'node_modules/zod': { version: '4.6.7', integrity: 'sha512-zod' },
    'node_modules/binary-here': {
      version: '1.0.0',
      optional: true,
      os: ['linux'],
      cpu: ['x64'],
      libc: ['glibc'],
    },
    'node_modules/binary-musl': {
      version: '1.0.0',
      optional: true,
      os: ['linux'],
      cpu: ['x64'],
      libc: ['musl'],
    },
    'node_modules/binary-mac': { version: '1.0.0', optional: true, os: ['darwin'], cpu: ['arm64'] },
  },
};

// Stands in for npm: notes each call, and "installs" the lock file that it finds.
const FAKE_NPM = `
import { appendFileSync, cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
appendFileSync('npm-calls', process.argv.slice(2).join(' ') + ' omit=' + process.env.npm_config_omit + '\\n');
if (existsSync('npm-fails')) { console.error('npm error: no network'); process.exit(1); }
rmSync('node_modules', { recursive: true, force: true });
mkdirSync('node_modules');
cpSync('package-lock.json', 'node_modules/.package-lock.json');
`;

interface Runtime {
  readonly id: string;
  readonly platform: string;
  readonly arch: string;
  readonly libc: string;
}

interface PackagesModule {
  inspectPackages(packages: {
    lockText: string;
    installedText?: string | undefined;
    stamp?: string;
    runtime: Runtime;
  }): 'current' | 'unstamped' | 'stale';
  npmEnvironment(env: Record<string, string>): Record<string, string>;
}

interface MainModule {
  setUp(options: {
    root: string;
    test?: boolean;
    bench?: boolean;
    env: Record<string, string>;
    folders: string[];
    say(line: string): void;
  }): Promise<void>;
}

interface LockModule {
  isAbandoned(
    holder: { pid?: number; host?: string; heldMs: number },
    world: { thisHost: string; isAlive(pid: number): boolean },
  ): boolean;
}

interface ProgramsModule {
  isSet(name: string, sources: { env: Record<string, string>; envFile?: string }): boolean;
}

const packages: PackagesModule = await import(
  new URL('../../scripts/setup/packages.mjs', import.meta.url).href
);
const programs: ProgramsModule = await import(
  new URL('../../scripts/setup/programs.mjs', import.meta.url).href
);
const locks: LockModule = await import(new URL('../../scripts/setup/lock.mjs', import.meta.url).href);
const { setUp }: MainModule = await import(new URL('../../scripts/setup/main.mjs', import.meta.url).href);

let root = '';
let env: Record<string, string> = {};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-setup-'));
  await cp(join(CHECKOUT, 'scripts/setup.mjs'), join(root, 'scripts/setup.mjs'));
  await cp(join(CHECKOUT, 'scripts/setup'), join(root, 'scripts/setup'), { recursive: true });
  await cp(join(CHECKOUT, 'scripts/build.mjs'), join(root, 'scripts/build.mjs'));
  await put('package.json', '{ "type": "module" }');
  await put('package-lock.json', JSON.stringify(LOCK_FILE));
  await put('npm/npm-cli.js', FAKE_NPM);
  await put('npm/package.json', '{ "type": "module" }');
  await mkdir(join(root, 'bin'));
  for (const program of ['redis-server', 'ffprobe']) {
    await writeFile(join(root, 'bin', program), '#!/bin/sh\n', { mode: 0o755 });
  }
  await symlink(process.execPath, join(root, 'bin/node'));
  env = { PATH: join(root, 'bin'), npm_execpath: join(root, 'npm/npm-cli.js') };
});

afterEach(() => rm(root, { recursive: true, force: true }));

describe('the set-up', () => {
  it('explains itself on --help and does nothing', async () => {
    const { exitCode, output } = await run('scripts/setup.mjs', ['--help']);

    expect(exitCode).toBe(0);
    expect(output).toContain('Usage: node scripts/setup.mjs');
    expect(await npmCalls()).toEqual([]);
  });

  it('refuses an option that it does not know', async () => {
    const { exitCode, output } = await run('scripts/setup.mjs', ['--fast']);

    expect(exitCode).toBe(2);
    expect(output).toMatch(/^Unknown option '--fast'.*\n$/);
  });

  it('installs the packages once, dev dependencies included, and is silent afterwards', async () => {
    const first = await run('scripts/setup.mjs', [], { NODE_ENV: 'production', npm_config_omit: 'dev' });
    const second = await run('scripts/setup.mjs');

    expect(first).toEqual({ exitCode: 0, output: 'Installing packages (npm ci) ...\n' });
    expect(second).toEqual({ exitCode: 0, output: '' });
    expect(await npmCalls()).toEqual([expect.stringMatching(/^ci --include=dev .*omit=undefined$/)]);
  });

  it('installs again once the lock file has changed', async () => {
    await run('scripts/setup.mjs');
    await put(
      'package-lock.json',
      JSON.stringify({ packages: { 'node_modules/zod': { version: '5.0.0' } } }),
    );
    await run('scripts/setup.mjs');

    expect(await npmCalls()).toHaveLength(2);
  });

  it('installs once when three start at the same moment', async () => {
    const runs = await Promise.all([1, 2, 3].map(() => run('scripts/setup.mjs')));

    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    expect(await npmCalls()).toHaveLength(1);
    expect(await readdir(root)).not.toContain('.setup-lock');
  });

  it('takes over the lock of a process that has died', async () => {
    await put('.setup-lock/holder', JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }));

    expect(await run('scripts/setup.mjs')).toMatchObject({ exitCode: 0 });
    expect(await readdir(root)).not.toContain('.setup-lock');
  });

  it('shows what npm said when it fails, and tries again the next time', async () => {
    await put('npm-fails', '');
    const failed = await run('scripts/setup.mjs');
    await rm(join(root, 'npm-fails'));
    const again = await run('scripts/setup.mjs');

    expect(failed.exitCode).toBe(1);
    expect(failed.output).toContain('npm error: no network\nnpm ci failed, see above.\n');
    expect(again.exitCode).toBe(0);
    expect(await readdir(root)).not.toContain('.setup-lock');
  });

  it('says in one line what to do where Redis is missing and nothing can install it', async () => {
    await rm(join(root, 'bin/redis-server'));
    const said: string[] = [];
    const attempt = setUp({ root, env, folders: [], say: (line) => said.push(line) });

    await expect(attempt).rejects.toMatchObject({
      name: 'Problem',
      message: expect.stringMatching(/^Redis is missing: install redis-server.* REDIS_URL .*\.$/),
      exitCode: 1,
    });
    expect(said).toEqual([]);
    expect(await npmCalls()).toEqual([]);
  });

  it.each([
    ['REDIS_URL in the environment', { REDIS_URL: 'redis://elsewhere' }, undefined],
    ['REDIS_URL in .env', {}, 'PORT=1\nREDIS_URL="redis://elsewhere"\n'],
  ])('needs no Redis of its own with %s', async (_name, extraEnv, envFile) => {
    await rm(join(root, 'bin/redis-server'));
    if (envFile !== undefined) await put('.env', envFile);

    await setUp({ root, env: { ...env, ...extraEnv }, folders: [], say: () => {} });

    expect(await npmCalls()).toHaveLength(1);
  });

  it('says what is lacking where ffprobe is missing and nothing can install it, and goes on', async () => {
    await rm(join(root, 'bin/ffprobe'));
    const said: string[] = [];
    await setUp({ root, env, folders: [], say: (line) => said.push(line) });

    expect(said).toEqual([
      expect.stringMatching(/^ffprobe is missing: install ffmpeg, .* FFPROBE .* no file can be probed/),
      expect.stringMatching(/^Installing packages/),
    ]);
    expect(await npmCalls()).toHaveLength(1);
  });

  it('installs ffmpeg where ffprobe is missing', async () => {
    await rm(join(root, 'bin/ffprobe'));
    await symlink('/bin/sh', join(root, 'bin/sh'));
    const program = join(root, 'bin/ffprobe');
    await put(
      'bin/brew',
      `#!/bin/sh\necho "$@" > "${root}/asked"; : > "${program}"; /bin/chmod 755 "${program}"\n`,
    );
    await chmod(join(root, 'bin/brew'), 0o755);
    const said: string[] = [];
    await setUp({ root, env, folders: [], say: (line) => said.push(line) });

    expect(said).toEqual(['Installing ffprobe (brew) ...', expect.stringMatching(/^Installing packages/)]);
    expect(await read('asked')).toBe('install ffmpeg\n');
  });

  it('looks for no ffprobe where FFPROBE is set', async () => {
    await rm(join(root, 'bin/ffprobe'));
    await put('.env', 'FFPROBE=none\n');
    const said: string[] = [];
    await setUp({ root, env, folders: [], say: (line) => said.push(line) });

    expect(said).toEqual([expect.stringMatching(/^Installing packages/)]);
  });

  it('finds programs in folders that the PATH leaves out', async () => {
    await setUp({ root, env: { ...env, PATH: '' }, folders: [join(root, 'bin')], say: () => {} });

    expect(await npmCalls()).toHaveLength(1);
  });

  it('asks for rclone only with --test', async () => {
    await setUp({ root, env, folders: [], say: () => {} });
    const attempt = setUp({ root, test: true, env, folders: [], say: () => {} });

    await expect(attempt).rejects.toThrow(/^rclone is missing: /);
  });

  it('asks for faketime, a browser, the proxies and Postgres too with --test', async () => {
    await writeFile(join(root, 'bin/rclone'), '#!/bin/sh\n', { mode: 0o755 });
    const withoutPath = {
      root,
      test: true,
      env: { ...env, PATH: '' },
      folders: [join(root, 'bin')],
      say: () => {},
    };

    await expect(setUp(withoutPath)).rejects.toThrow(/^faketime is missing: /);
    await writeFile(join(root, 'bin/faketime'), '#!/bin/sh\n', { mode: 0o755 });
    await expect(setUp(withoutPath)).rejects.toThrow(/^Chromium is missing: /);
    await writeFile(join(root, 'bin/chromium'), '#!/bin/sh\n', { mode: 0o755 });
    await expect(setUp(withoutPath)).rejects.toThrow(/^nginx is missing: /);
    await writeFile(join(root, 'bin/nginx'), '#!/bin/sh\n', { mode: 0o755 });
    await expect(setUp(withoutPath)).rejects.toThrow(/^Caddy is missing: /);
    await writeFile(join(root, 'bin/caddy'), '#!/bin/sh\n', { mode: 0o755 });
    await expect(setUp(withoutPath)).rejects.toThrow(/^HAProxy is missing: /);
    await writeFile(join(root, 'bin/haproxy'), '#!/bin/sh\n', { mode: 0o755 });
    await expect(setUp(withoutPath)).rejects.toThrow(/^Postgres is missing: /);
  });

  it('asks for b2sdk where no Python has it, and takes the Python that does', async () => {
    for (const program of ['rclone', 'faketime', 'chromium', 'nginx', 'caddy', 'haproxy', 'postgres', 'ip']) {
      await writeFile(join(root, 'bin', program), '#!/bin/sh\n', { mode: 0o755 });
    }
    await mkdir(join(root, 'other'));
    const folders = [join(root, 'bin'), join(root, 'other')];
    const options = { root, test: true, env: { ...env, PATH: '' }, folders, say: () => {} };

    await writeFile(join(root, 'bin/python3'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    await expect(setUp(options)).rejects.toThrow(/^b2sdk for Python is missing: /);
    await writeFile(join(root, 'other/python3'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    await setUp(options);
  });

  it('goes on without the servers of the tests that cannot be unpacked, and says so', async () => {
    for (const program of [
      'rclone',
      'faketime',
      'chromium',
      'nginx',
      'caddy',
      'haproxy',
      'postgres',
      'ip',
      'python3',
    ]) {
      await writeFile(join(root, 'bin', program), '#!/bin/sh\n', { mode: 0o755 });
    }
    const said: string[] = [];
    const nowhere = { ...env, PATH: '', XDG_CACHE_HOME: join(root, 'cache') };
    const options = {
      root,
      test: true,
      folders: [join(root, 'bin')],
      say: (line: string) => said.push(line),
    };
    await setUp({ ...options, env: nowhere });

    expect(said).toContainEqual(
      expect.stringMatching(/^radosgw cannot be had here: .*in CI these tests fail/),
    );
    expect(said).toContainEqual(
      expect.stringMatching(/^RabbitMQ cannot be had here: .*in CI their tests fail/),
    );
    said.length = 0;
    await put('cache/sluice/radosgw/complete', '');
    await put('cache/sluice/rabbitmq/complete', '');
    await setUp({ ...options, env: nowhere });
    expect(said).toEqual([]);
  });

  it('asks for curl too with --bench', async () => {
    await writeFile(join(root, 'bin/rclone'), '#!/bin/sh\n', { mode: 0o755 });
    const attempt = setUp({
      root,
      bench: true,
      env: { ...env, PATH: '' },
      folders: [join(root, 'bin')],
      say: () => {},
    });

    await expect(attempt).rejects.toThrow(/^curl is missing: /);
  });
});

describe('what counts as stale', () => {
  const runtime = { id: 'node-115 linux x64 glibc', platform: 'linux', arch: 'x64', libc: 'glibc' };
  const all = LOCK_FILE.packages;
  const { '': _root, 'node_modules/binary-musl': _musl, 'node_modules/binary-mac': _mac, ...installed } = all;
  const { 'node_modules/binary-here': _here, ...withoutBinary } = installed;
  const { 'node_modules/zod': zod, ...withoutZod } = installed;

  it.each([
    ['what fits', installed, 'unstamped'],
    ['a missing package', withoutZod, 'stale'],
    ['a missing binary for this platform', withoutBinary, 'stale'],
    ['another version', { ...installed, 'node_modules/zod': { ...zod, version: '4.0.0' } }, 'stale'],
    ['other content', { ...installed, 'node_modules/zod': { ...zod, integrity: 'sha512-x' } }, 'stale'],
    ['a package too many', { ...installed, 'node_modules/left-pad': { version: '1.0.0' } }, 'stale'],
  ])('takes an installation by hand with %s for what it is', (_name, found, state) => {
    const lockText = JSON.stringify(LOCK_FILE);

    expect(
      packages.inspectPackages({ lockText, installedText: JSON.stringify({ packages: found }), runtime }),
    ).toBe(state);
  });

  it('trusts no installation that was cut short, is unreadable, or is for another Node', () => {
    const lockText = JSON.stringify(LOCK_FILE);
    const installedText = JSON.stringify({ packages: installed });
    const stamp = 'whatever\nnode-127 linux x64 glibc\n';

    expect(packages.inspectPackages({ lockText, installedText: undefined, runtime })).toBe('stale');
    expect(packages.inspectPackages({ lockText, installedText: '{', runtime })).toBe('stale');
    expect(packages.inspectPackages({ lockText, installedText, stamp, runtime })).toBe('stale');
  });

  it('keeps registry and proxy, but not the options of an outer npm, for the nested one', () => {
    const kept = {
      npm_config_registry: 'https://r.example',
      NPM_CONFIG_CACHE: '/cache',
      HTTPS_PROXY: 'http://p',
    };
    const dropped = {
      npm_config_omit: 'dev',
      'npm_config_dry-run': 'true',
      NPM_CONFIG_GLOBAL: 'true',
      npm_command: 'x',
    };

    expect(packages.npmEnvironment({ ...kept, ...dropped })).toEqual(kept);
  });

  it.each([
    [{}, undefined, false],
    [{ REDIS_URL: '' }, 'REDIS_URL=redis://file', false],
    [{}, '#REDIS_URL=redis://file', false],
    [{}, 'REDIS_URL=redis://file', true],
    [{ REDIS_URL: 'redis://env' }, undefined, true],
  ])('reads %j and the .env text %j as an own Redis: %s', (environment, envFile, expected) => {
    const sources = envFile === undefined ? { env: environment } : { env: environment, envFile };

    expect(programs.isSet('REDIS_URL', sources)).toBe(expected);
  });

  it.each([
    ['a live process', { pid: 7, host: 'here', heldMs: 0 }, false],
    ['a dead process', { pid: 8, host: 'here', heldMs: 0 }, true],
    ['a process of another host', { pid: 8, host: 'there', heldMs: 60_000 }, false],
    ['anybody for an hour', { pid: 7, host: 'here', heldMs: 3_600_000 }, true],
    ['somebody who is just signing it', { heldMs: 100 }, false],
    ['somebody who never signed it', { heldMs: 60_000 }, true],
  ])('sees whether a lock held by %s is abandoned', (_name, holder, expected) => {
    expect(locks.isAbandoned(holder, { thisHost: 'here', isAlive: (pid) => pid === 7 })).toBe(expected);
  });
});

describe('the build', () => {
  beforeEach(async () => {
    await cp(join(CHECKOUT, 'tsconfig.json'), join(root, 'tsconfig.json'));
    await cp(join(CHECKOUT, 'tsconfig.build.json'), join(root, 'tsconfig.build.json'));
    await symlink(join(CHECKOUT, 'node_modules'), join(root, 'node_modules'));
    await put(
      'src/tool/main.ts',
      "import { two } from '../deep/two.ts';\nconst one: number = two - 1;\nconsole.log(one);\n",
    );
    await put('src/deep/two.ts', 'export const two = 2;\n');
    await put('src/deep/page.html', '<p>');
  });

  it('compiles and copies, then does nothing until something changes, then leaves no stale file', async () => {
    expect(await run('scripts/build.mjs')).toEqual({
      exitCode: 0,
      output: 'Compiling src to dist (tsc) ...\n',
    });
    expect(await filesOf('dist')).toEqual(['deep/page.html', 'tool/main.js', 'tool/main.js.map']);
    expect(await run('dist/tool/main.js')).toEqual({ exitCode: 0, output: '1\n' });
    expect(JSON.parse(await read('dist/tool/main.js.map'))).toMatchObject({
      sources: ['../../src/deep/two.ts', '../../src/tool/main.ts'],
    });

    const { ino } = await stat(join(root, 'dist'));
    expect(await run('scripts/build.mjs')).toEqual({ exitCode: 0, output: 'dist is up to date.\n' });
    expect(await stat(join(root, 'dist'))).toMatchObject({ ino });

    await rm(join(root, 'src/deep'), { recursive: true });
    await put('src/tool/main.ts', 'console.log(3);\n');
    expect(await run('scripts/build.mjs')).toMatchObject({ exitCode: 0 });
    expect(await filesOf('dist')).toEqual(['tool/main.js', 'tool/main.js.map']);
    expect(await run('dist/tool/main.js')).toEqual({ exitCode: 0, output: '3\n' });
  });

  it('leaves dist as it was when the source does not compile', async () => {
    await run('scripts/build.mjs');
    await put('src/deep/two.ts', "export const two: string = 2;\nexport const three = '3';\n");

    const { exitCode, output } = await run('scripts/build.mjs');

    expect(exitCode).toBe(1);
    expect(output).toContain('src/deep/two.ts(1,14)');
    expect(await run('dist/tool/main.js')).toEqual({ exitCode: 0, output: '1\n' });
    expect((await readdir(root)).filter((name) => /^\.(dist|setup)-/.test(name))).toEqual([]);
    expect(await run('scripts/build.mjs')).toMatchObject({ exitCode: 1 });
  });

  it('builds a src without TypeScript, and anew with --force', async () => {
    await rm(join(root, 'src/tool/main.ts'));
    await rm(join(root, 'src/deep/two.ts'));

    expect(await run('scripts/build.mjs')).toMatchObject({ exitCode: 0 });
    expect(await filesOf('dist')).toEqual(['deep/page.html']);
    await rm(join(root, 'dist/deep'), { recursive: true });
    expect(await run('scripts/build.mjs', ['--force'])).toMatchObject({ exitCode: 0 });
    expect(await filesOf('dist')).toEqual(['deep/page.html']);
  });

  describe('of what is loaded on demand', () => {
    const loading = (what: string) =>
      `const it = await import('${what}');\nconsole.log(Object.keys(it)[0]);\n`;

    it('refuses a package, whose name only Node would then know, and leaves dist as it was', async () => {
      await run('scripts/build.mjs');
      await put('src/tool/main.ts', loading('yaml'));

      const { exitCode, output } = await run('scripts/build.mjs');

      expect(exitCode).toBe(1);
      expect(output).toMatch(/loaded on demand.*yaml/);
      expect(await run('dist/tool/main.js')).toEqual({ exitCode: 0, output: '1\n' });
    });

    it("takes our own files, also into the tests' copy below node_modules", async () => {
      await put('src/tool/main.ts', loading('../deep/two.ts'));
      await put('src/lib/crash-point.ts', 'export {};\n');
      await put('test/support/crash-point.mjs', 'export {};\n');
      const copy = 'elsewhere/node_modules/.cache/copy/dist';

      for (const [args, dist] of [
        [[], 'dist'],
        [['--crash-points', copy], copy],
      ] as const) {
        expect(await run('scripts/build.mjs', args)).toMatchObject({ exitCode: 0 });
        expect(await run(`${dist}/tool/main.js`)).toEqual({ exitCode: 0, output: 'two\n' });
      }
    });
  });
});

async function put(path: string, text: string): Promise<void> {
  await mkdir(join(root, path, '..'), { recursive: true });
  await writeFile(join(root, path), text);
}

function read(path: string): Promise<string> {
  return readFile(join(root, path), 'utf8');
}

/** The files below a folder, sorted, without hidden ones. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true });
  return entries.filter((path) => /[^/]\.[^/]+$/.test(path)).sort();
}

/** The arguments of each call of the stand-in for npm, one line per call. */
async function npmCalls(): Promise<string[]> {
  const calls = await readFile(join(root, 'npm-calls'), 'utf8').catch(() => '');
  return calls.split('\n').filter((line) => line !== '');
}

/** Runs a script of the temporary checkout; `output` is all that it printed. */
function run(path: string, args: readonly string[] = [], extraEnv: Record<string, string> = {}) {
  return new Promise<{ exitCode: number | null; output: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [path, ...args], { cwd: root, env: { ...env, ...extraEnv } });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, output }));
  });
}
