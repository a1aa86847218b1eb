import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Finding, fail, ok, skip, warn } from './check.ts';

const run = promisify(execFile);

type Env = Readonly<Record<string, string | undefined>>;

const SYSTEMD = '/etc/systemd/system';

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

/** Whether pm2 keeps the processes running. A pm2 that does not run is not started for the question. */
export async function checkPm2(options: {
  readonly env: Env;
  readonly home: string;
  readonly hasRedis: boolean;
  readonly isBeforeStart: boolean;
  readonly signal: AbortSignal;
}): Promise<Finding> {
  const { env, home, hasRedis, isBeforeStart, signal } = options;
  const start = 'npm start (in the foreground), or npx pm2 start ecosystem.config.js.';
  if (!(await listens(join(pm2Home(env), 'rpc.sock')))) {
    if (isBeforeStart) return skip('does not run yet');
    if (systemdUnits().length > 0) return skip(`does not run; there is ${systemdUnits().join(', ')}`);
    return warn('does not run', `Start it: ${start}`);
  }

  const program = join(import.meta.dirname, '../../../node_modules/pm2/bin/pm2');
  const { stdout } = await run(process.execPath, [program, 'jlist', '--silent'], {
    signal,
    env: { ...env, PM2_DISCRETE_MODE: 'true' },
    maxBuffer: 16 * 1024 * 1024,
  });
  const listed = listShape.parse(JSON.parse(stdout.slice(stdout.indexOf('['))));
  // Another Sluice of the same user has apps of the same names.
  const ours = listed.filter(({ pm2_env }) => pm2_env.pm_cwd === home);
  const wanted = hasRedis ? ['redis', ...APPS] : APPS;
  const missing = wanted.filter((name) => !ours.some((app) => app.name === name));
  if (missing.length === wanted.length)
    return warn('runs, and knows nothing of Sluice', `Start it: ${start}`);
  const down = ours.filter(({ name, pm2_env }) => wanted.includes(name) && pm2_env.status !== 'online');
  if (missing.length + down.length > 0) {
    const states = [
      ...missing.map((name) => `${name} is missing`),
      ...down.map(({ name, pm2_env }) => `${name} is ${pm2_env.status}`),
    ];
    return fail(states.join(', '), 'npx pm2 restart NAME, and look at DATA_DIR/logs/NAME-error.log.');
  }
  return ok(`${ours.map(({ name }) => name).join(', ')} online`);
}

/** Whether pm2 comes back after a reboot, with the apps of now. */
export async function checkBoot(env: Env): Promise<Finding> {
  if (existsSync('/.dockerenv') || existsSync('/run/.containerenv')) {
    return skip('in a container, which somebody else starts');
  }
  const units = systemdUnits();
  if (units.length > 0) {
    const enabled = namesIn(`${SYSTEMD}/multi-user.target.wants`).filter((name) => units.includes(name));
    return enabled.length > 0
      ? ok(`systemd starts ${enabled.join(', ')}`)
      : warn(`systemd does not start ${units.join(', ')}`, `sudo systemctl enable ${units.join(' ')}`);
  }
  const advice = 'npx pm2 startup (and what it prints), then npx pm2 save.';
  const hasUnit = [
    [SYSTEMD, /^pm2-.*\.service$/],
    ['/etc/init.d', /^pm2-/],
    [join(homedir(), 'Library/LaunchAgents'), /pm2/i],
  ].some(([folder, pattern]) => namesIn(folder as string).some((name) => (pattern as RegExp).test(name)));
  if (!hasUnit) return warn('pm2 is not started at boot', advice);
  const dump = join(pm2Home(env), 'dump.pm2');
  const saved = existsSync(dump) ? readFileSync(dump, 'utf8') : '';
  if (!saved.includes('"pipeline"')) return warn('pm2 starts at boot, without Sluice', 'npx pm2 save.');
  return ok('pm2 starts at boot, with Sluice');
}

/** Units that start Sluice without a pm2 of this user: docs/systemd. */
function systemdUnits(): string[] {
  return namesIn(SYSTEMD).filter((name) => /^sluice.*\.(service|target)$/.test(name));
}

function pm2Home(env: Env): string {
  return env['PM2_HOME']?.trim() || join(env['HOME'] ?? homedir(), '.pm2');
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

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
