import { spawn } from 'node:child_process';
import { copyFile, cp, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './action.ts';

/** A pm2 with a home of its own, in a copy of the checkout that holds no .env. */
export interface Pm2 {
  start(): Promise<void>;
  /** The process id of an app; `undefined` while it does not run. */
  pid(app: App): Promise<number | undefined>;
  /** Restarts apps in an orderly way, with these settings on top of the others. */
  restart(apps: readonly App[], settings: Readonly<Record<string, string>>): Promise<void>;
  /** Ends all apps and the daemon, and whatever else runs in the folder. */
  kill(): Promise<void>;
}

export interface Pm2Options {
  /** The checkout. */
  readonly root: string;
  /** Short, for the sockets of pm2 and Redis lie in it. */
  readonly folder: string;
  /** All that the processes find in their environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** What only the apps of Sluice find in theirs, and pm2 itself and Redis do not. */
  readonly appEnvironment: Readonly<Record<string, string>>;
}

/** How long one pm2 command may take, in milliseconds. */
const COMMAND_TIMEOUT_MS = 90_000;

/** How long an app has to run before it is restarted, and how often that is looked at. */
const STEADY_AFTER_MS = 2500;
const STEADY_PAUSE_MS = 500;
const STEADY_ATTEMPTS = 60;

const STRAGGLER_ROUNDS = 3;

/** One app as `pm2 jlist` shows it. */
interface Listed {
  readonly name: string;
  readonly pid: number;
  readonly pm2_env: { readonly status: string; readonly pm_uptime: number };
}

/** Prepares the copy: the real ecosystem.config.js, scripts, build and packages. */
export async function preparePm2({ root, folder, environment, appEnvironment }: Pm2Options): Promise<Pm2> {
  const home = join(folder, 'pm2');
  await mkdir(home);
  for (const name of ['ecosystem.config.js', 'package.json']) {
    await copyFile(join(root, name), join(folder, name));
  }
  // What somebody builds or writes meanwhile must not change what runs.
  await cp(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true });
  await cp(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));

  const env = {
    ...environment,
    PM2_HOME: home,
    PM2_DISCRETE_MODE: 'true',
    PM2_NO_INTERACTION: 'true',
    // pm2 delays restarts more and more until an app has been up for half a minute. Here kills come every few seconds
    // that are far apart in real life, so that this time is scaled as well.
    EXP_BACKOFF_RESET_TIMER: '3000',
    PM2_WORKER_INTERVAL: '1000',
  };
  let last: Promise<unknown> = Promise.resolve();

  /** One command at a time: pm2 does not like two at once. */
  function run(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<string> {
    const next = last.then(() => runOnce(args, more));
    last = next.catch(() => {});
    return next;
  }

  function runOnce(args: readonly string[], more: Readonly<Record<string, string>>): Promise<string> {
    return new Promise((resolve, reject) => {
      const output: string[] = [];
      // In a group of its own, so that a terminal's Ctrl-C does not reach it.
      const child = spawn(process.execPath, [join(root, 'node_modules/pm2/bin/pm2'), ...args], {
        cwd: folder,
        env: { ...env, ...more },
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: COMMAND_TIMEOUT_MS,
      });
      const errors: string[] = [];
      child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
      child.once('error', reject);
      child.once('close', (code) => {
        if (code === 0) resolve(output.join(''));
        else
          reject(
            new Error(`pm2 ${args.join(' ')} ended with ${code}:\n${output.join('')}${errors.join('')}`),
          );
      });
    });
  }

  async function list(): Promise<readonly Listed[]> {
    return JSON.parse(await run(['jlist', '--silent'])) as readonly Listed[];
  }

  /**
   * A restart in the moment in which pm2 revives an app makes pm2 start it twice and forget one of the two (7.0.4). That
   * is no test of Sluice, so restarts wait until the app has run for a while.
   */
  async function restartOne(app: App, settings: Readonly<Record<string, string>>): Promise<void> {
    for (let attempt = 1; attempt < STEADY_ATTEMPTS; attempt += 1) {
      const found = (await list()).find(({ name }) => name === app);
      const isSteady =
        found?.pm2_env.status === 'online' && Date.now() - found.pm2_env.pm_uptime > STEADY_AFTER_MS;
      if (isSteady) break;
      await sleep(STEADY_PAUSE_MS);
    }
    await run(['restart', app, '--update-env'], { ...appEnvironment, ...settings });
  }

  /** What pm2 has lost sight of, or pm2 itself if its folder has gone: all that runs in this run's own folder. */
  async function killStragglers(): Promise<void> {
    // More than once, for a daemon revives what ends before itself.
    for (let round = 1; round <= STRAGGLER_ROUNDS; round += 1) {
      const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
      for (const pid of pids) {
        const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
        if (cwd !== folder && cwd !== `${folder} (deleted)` && !cwd.startsWith(`${folder}/`)) continue;
        try {
          process.kill(Number(pid), 'SIGKILL');
        } catch {
          // It has ended by itself.
        }
      }
    }
  }

  return {
    async start() {
      // The daemon comes first, for it keeps the environment that it is started with.
      await run(['ping']);
      await run(['start', 'ecosystem.config.js', '--only', 'redis']);
      await run(['start', 'ecosystem.config.js', '--only', 'worker,pipeline,tus'], appEnvironment);
    },
    async pid(app) {
      return (await list()).find(({ name }) => name === app)?.pid || undefined;
    },
    async restart(apps, settings) {
      for (const app of apps) await restartOne(app, settings);
    },
    async kill() {
      try {
        await run(['kill', '--silent']);
      } finally {
        await killStragglers();
      }
    },
  };
}
