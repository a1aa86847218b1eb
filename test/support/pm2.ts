import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemEnvironment } from './processes.ts';

const checkout = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** One app as `pm2 jlist` shows it. */
export interface Pm2App {
  readonly name: string;
  readonly pid: number;
  readonly status: string;
}

/** What ecosystem.config.js asks of pm2 for one app, as far as tests look. */
export interface EcosystemApp extends Readonly<Record<string, unknown>> {
  readonly name: string;
}

/**
 * A checkout in a temp folder, with the real ecosystem.config.js, build and packages and no .env, and a pm2 that has
 * its own home there: nothing of it is seen by a pm2 of this machine's user.
 */
export interface Pm2House {
  readonly root: string;
  readonly dataDir: string;
  /** Runs `pm2` with these arguments and gives back what it printed. Fails if pm2 does. */
  pm2(...args: readonly string[]): Promise<string>;
  apps(): Promise<Pm2App[]>;
  /** Starts all in the foreground, as `npm start` does. */
  startRuntime(): ChildProcess;
  /** Reads ecosystem.config.js in a process of its own. Fails with what that process printed. */
  readEcosystem(environment?: Readonly<Record<string, string>>): Promise<EcosystemApp[]>;
  /** The pm2 daemon's process id, if one runs. */
  daemonPid(): Promise<number | undefined>;
  /** Ends all apps and the daemon, and removes the folder. */
  close(): Promise<void>;
}

/** Prepares the checkout; `environment` is what all commands run with. */
export async function openPm2House(environment: Readonly<Record<string, string>> = {}): Promise<Pm2House> {
  // Short, for the sockets of pm2 and Redis are in it.
  const root = await mkdtemp(join(tmpdir(), 'sluice-pm2-'));
  const home = join(root, 'pm2');
  await mkdir(home);
  for (const name of ['ecosystem.config.js', 'package.json']) {
    await copyFile(join(checkout, name), join(root, name));
  }
  await cp(join(checkout, 'scripts'), join(root, 'scripts'), { recursive: true });
  for (const name of ['dist', 'node_modules']) await symlink(join(checkout, name), join(root, name));

  const env = {
    ...systemEnvironment(),
    PM2_HOME: home,
    // Neither a banner nor a look for newer versions.
    PM2_DISCRETE_MODE: 'true',
    PM2_NO_INTERACTION: 'true',
    ...environment,
  };
  const runtimes: ChildProcess[] = [];

  async function pm2(...args: readonly string[]): Promise<string> {
    const command = [join(checkout, 'node_modules/pm2/bin/pm2'), ...args];
    const { stdout } = await run(process.execPath, command, { cwd: root, env, timeout: 60_000 });
    return stdout;
  }

  async function daemonPid(): Promise<number | undefined> {
    const text = await readFile(join(home, 'pm2.pid'), 'utf8').catch(() => '');
    return text === '' ? undefined : Number(text);
  }

  return {
    root,
    dataDir: join(root, 'data'),
    pm2,
    daemonPid,
    async apps() {
      const listed = JSON.parse(await pm2('jlist', '--silent')) as readonly {
        readonly name: string;
        readonly pid: number;
        readonly pm2_env: { readonly status: string };
      }[];
      return listed.map(({ name, pid, pm2_env: { status } }) => ({ name, pid, status }));
    },
    startRuntime() {
      const runtime = spawn(process.execPath, ['scripts/start.mjs'], {
        cwd: root,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      runtimes.push(runtime);
      return runtime;
    },
    async readEcosystem(more = {}) {
      // Required, as pm2 does, not imported.
      const script = `process.stdout.write(JSON.stringify(require('./ecosystem.config.js').apps))`;
      const { stdout } = await run(process.execPath, ['-e', script], { cwd: root, env: { ...env, ...more } });
      return JSON.parse(stdout) as EcosystemApp[];
    },
    async close() {
      for (const runtime of runtimes) {
        if (runtime.exitCode !== null || runtime.signalCode !== null) continue;
        const exited = once(runtime, 'exit');
        runtime.kill('SIGTERM');
        await exited;
      }
      if ((await daemonPid()) !== undefined) await pm2('kill', '--silent');
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
