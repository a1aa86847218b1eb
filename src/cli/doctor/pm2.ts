import { execFile } from 'node:child_process';
import { createConnection } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Finding, fail, ok } from './check.ts';

const run = promisify(execFile);

type Env = Readonly<Record<string, string | undefined>>;

const APPS = ['worker', 'pipeline', 'tus'];

const listShape = z.array(
  z.object({
    name: z.string(),
    pm2_env: z.object({
      status: z.string(),
      restart_time: z.number().default(0),
      pm_cwd: z.string().default(''),
    }),
  }),
);

/**
 * Whether pm2 keeps the processes running; `undefined` if no pm2 runs that knows of them. A pm2 that does not run is not
 * started for the question.
 */
export async function checkPm2(options: {
  readonly env: Env;
  readonly home: string;
  readonly hasRedis: boolean;
  readonly signal: AbortSignal;
}): Promise<Finding | undefined> {
  const { env, home, hasRedis, signal } = options;
  const pm2Home = await runningHome(env, home);
  if (pm2Home === undefined) return undefined;

  const program = join(import.meta.dirname, '../../../node_modules/pm2/bin/pm2');
  const { stdout } = await run(process.execPath, [program, 'jlist', '--silent'], {
    signal,
    env: { ...env, PM2_HOME: pm2Home, PM2_DISCRETE_MODE: 'true' },
    maxBuffer: 16 * 1024 * 1024,
  });
  const listed = listShape.parse(JSON.parse(stdout.slice(stdout.indexOf('['))));
  // Another Sluice of the same user has apps of the same names.
  const ours = listed.filter(({ pm2_env }) => pm2_env.pm_cwd === home);
  const wanted = hasRedis ? ['redis', ...APPS] : APPS;
  const missing = wanted.filter((name) => !ours.some((app) => app.name === name));
  if (missing.length === wanted.length) return undefined;
  const down = ours.filter(({ name, pm2_env }) => wanted.includes(name) && pm2_env.status !== 'online');
  if (missing.length + down.length > 0) {
    const states = [
      ...missing.map((name) => `${name} is missing`),
      ...down.map(({ name, pm2_env }) => `${name} is ${pm2_env.status}`),
    ];
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
