import { execFile } from 'node:child_process';
import { createConnection } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Finding, fail, ok, warn } from '../../domain/finding.ts';
import { ROOT } from '../../lib/root.ts';

const run = promisify(execFile);

type Env = Readonly<Record<string, string | undefined>>;

const APPS = ['worker', 'pipeline', 'tus'];
const ALL = ['redis', ...APPS];

/** An app that is younger may still be starting, in milliseconds. */
const YOUNG_MS = 30_000;

const listShape = z.array(
  z.object({
    name: z.string(),
    pm2_env: z.object({
      status: z.string(),
      restart_time: z.number().default(0),
      pm_uptime: z.number().default(0),
      pm_cwd: z.string().default(''),
    }),
  }),
);
type Listed = z.output<typeof listShape>[number];

/** What pm2 knows of the processes. */
export interface Pm2 {
  /** Those of this Sluice; `undefined` if no pm2 runs that knows of them. One that does not run is not started for it. */
  apps(signal: AbortSignal): Promise<readonly Listed[] | undefined>;
  /** Whether it has started an app just now, for the first time: then it need not answer yet. */
  isStarting(app: string, signal: AbortSignal): Promise<boolean>;
}

/** Asks once, however many want to know. */
export function createPm2({ env, home }: { readonly env: Env; readonly home: string }): Pm2 {
  let asked: Promise<readonly Listed[] | undefined> | undefined;

  async function ask(signal: AbortSignal): Promise<readonly Listed[] | undefined> {
    const pm2Home = await runningHome(env, home);
    if (pm2Home === undefined) return undefined;
    const program = join(ROOT, 'node_modules/pm2/bin/pm2');
    const { stdout } = await run(process.execPath, [program, 'jlist', '--silent'], {
      signal,
      env: { ...env, PM2_HOME: pm2Home, PM2_DISCRETE_MODE: 'true' },
      maxBuffer: 16 * 1024 * 1024,
    });
    const listed = listShape.parse(JSON.parse(stdout.slice(stdout.indexOf('['))));
    // Another Sluice of the same user has apps of the same names.
    const ours = listed.filter(({ name, pm2_env }) => pm2_env.pm_cwd === home && ALL.includes(name));
    return ours.length === 0 ? undefined : ours;
  }

  const apps = (signal: AbortSignal) => {
    asked ??= ask(signal);
    return asked;
  };
  return {
    apps,
    async isStarting(app, signal) {
      const found = (await apps(signal))?.find(({ name }) => name === app);
      return found !== undefined && isYoung(found);
    },
  };
}

function isYoung({ pm2_env: { status, restart_time: restarts, pm_uptime: startedMs } }: Listed): boolean {
  return ['launching', 'online'].includes(status) && restarts === 0 && Date.now() - startedMs < YOUNG_MS;
}

/** What is said of something that was started just now and does not answer. */
export function starting(text: string): Finding {
  return warn(`${text}: Sluice is starting`, 'Ask again in a moment.');
}

/** Whether pm2 keeps the processes running; `undefined` if no pm2 runs that knows of them. */
export async function checkPm2(options: {
  readonly pm2: Pm2;
  readonly hasRedis: boolean;
  readonly signal: AbortSignal;
}): Promise<Finding | undefined> {
  const { pm2, hasRedis, signal } = options;
  const ours = await pm2.apps(signal);
  if (ours === undefined) return undefined;
  const wanted = hasRedis ? ALL : APPS;
  const missing = wanted.filter((name) => !ours.some((app) => app.name === name));
  const down = ours.filter(({ name, pm2_env }) => wanted.includes(name) && pm2_env.status !== 'online');
  if (missing.length + down.length > 0) {
    // pm2 starts them one after the other.
    const isStarting = ours.some(isYoung) && down.every(isYoung);
    const states = [
      ...missing.map((name) => `${name} is missing`),
      ...down.map(({ name, pm2_env }) => `${name} is ${pm2_env.status}`),
    ];
    if (isStarting) return starting(states.join(', '));
    return fail(states.join(', '), 'npx pm2 restart NAME, and look at DATA_DIR/logs/NAME-error.log.');
  }
  return ok(`${ours.map(({ name }) => name).join(', ')} online, by pm2`);
}

/** Where pm2 may have its home: this user's own, or the one that docs/systemd/sluice.service gives it. */
export function pm2Homes(env: Env, home: string): string[] {
  const dataDir = resolve(home, env['DATA_DIR']?.trim() || './data');
  return [env['PM2_HOME']?.trim() || join(env['HOME'] ?? homedir(), '.pm2'), join(dataDir, 'pm2')];
}

async function runningHome(env: Env, home: string): Promise<string | undefined> {
  for (const folder of pm2Homes(env, home)) {
    if (await listens(join(folder, 'rpc.sock'))) return folder;
  }
  return undefined;
}

function listens(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
