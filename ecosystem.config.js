import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';

/**
 * What pm2 runs: the three processes of Sluice and, unless REDIS_URL names one, their Redis.
 *
 * pm2 hands its own environment on to the apps and keeps it across restarts. So .env is only read here and not loaded:
 * each process loads it by itself, and a change of it takes effect with `pm2 restart`.
 */
const root = import.meta.dirname;

getReady();

const envFile = join(root, '.env');
const fromFile = existsSync(envFile) ? parseEnv(readFileSync(envFile, 'utf8')) : {};

const dataDir = resolve(root, setting('DATA_DIR') ?? './data');
const shutdownTimeoutS = Number(setting('SHUTDOWN_TIMEOUT_S')) || 8;

/**
 * Builds what is not built at all, and looks at the settings: pm2 would start again and again what cannot run. Whoever has
 * said already what is odd about them says so by SLUICE_SETTINGS_TOLD.
 */
function getReady() {
  if (!existsSync(join(root, 'dist/server/main.js'))) {
    const { status } = runHere(['scripts/build.mjs']);
    if (status !== 0) fail('Sluice is not built, see above: run "npm run setup -- --build".');
  }
  const isTold = process.env.SLUICE_SETTINGS_TOLD !== undefined;
  // pm2 would hand it on to the apps.
  delete process.env.SLUICE_SETTINGS_TOLD;
  const { status } = runHere(['dist/processes/check-main.js', ...(isTold ? ['--quiet'] : [])], 'ignore');
  if (status !== 0) process.exit(1);
}

/** What it says goes to standard error: standard output may be read by programs. */
function runHere(args, stdout = 2) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', stdout, 2] });
}

/** Something to put right. Not thrown: pm2 would call this file malformed. */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** A setting as the processes see it: the environment wins over .env, and a blank value counts as not set. */
function setting(name) {
  return (process.env[name] ?? fromFile[name])?.trim() || undefined;
}

/** What all apps share. pm2 sends SIGINT to stop one and, after `kill_timeout`, SIGKILL. */
function app(name, settings) {
  return {
    name,
    cwd: root,
    exec_mode: 'fork',
    instances: 1,
    autorestart: true,
    exp_backoff_restart_delay: 100,
    // Never give up. Not Infinity, which pm2 would hand on as null.
    max_restarts: 1_000_000_000,
    // Longer than a process takes to let go of its work by itself.
    kill_timeout: (shutdownTimeoutS + 4) * 1000,
    // Nothing has children, and the search for them needs a `ps` that small images lack.
    treekill: false,
    out_file: join(dataDir, 'logs', `${name}-out.log`),
    error_file: join(dataDir, 'logs', `${name}-error.log`),
    // Where run-redis.sh finds out who still runs.
    pid_file: join(dataDir, 'pids', `${name}.pid`),
    merge_logs: true,
    // Each line has its own time.
    time: false,
    vizion: false,
    pmx: false,
    ...settings,
  };
}

function nodeApp(name, script) {
  return app(name, {
    script,
    interpreter: process.execPath,
    wait_ready: true,
    listen_timeout: 15_000,
    // Bytes that pass through leave buffers behind faster than they are given back to the system; a small nursery and
    // two arenas keep tens of MiB less of them (see docs/operations.md).
    node_args: ['--max-semi-space-size=4'],
    env: { MALLOC_ARENA_MAX: '2' },
  });
}

function redisApp() {
  const script = findRedis();
  const folder = join(dataDir, 'redis');
  makeOwnFolder(folder);
  const options = {
    port: '0',
    unixsocket: join(dataDir, 'redis.sock'),
    unixsocketperm: '700',
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  // As long as the others may take.
  const outlivesS = shutdownTimeoutS + 4;
  return app('redis', {
    script: '/bin/sh',
    interpreter: 'none',
    args: [join(root, 'scripts/run-redis.sh'), dataDir, String(outlivesS), script, ...args],
    // A message instead of a signal: run-redis.sh hears it, and ends Redis after the others.
    shutdown_with_message: true,
    kill_timeout: (outlivesS + 4) * 1000,
    // How often pm2 looks, and says meanwhile that it has failed to end it.
    kill_retry_time: 500,
  });
}

/** The system's redis-server or valkey-server; also where the PATH of an ordinary user does not look. */
function findRedis() {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const program of ['redis-server', 'valkey-server']) {
    for (const folder of [...path, '/usr/local/sbin', '/usr/sbin', '/sbin']) {
      if (isExecutable(join(folder, program))) return join(folder, program);
    }
  }
  fail('There is no redis-server or valkey-server: run "npm run setup", or set REDIS_URL.');
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Makes a folder that only this user can enter; one that exists is corrected. */
function makeOwnFolder(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
}

// For what is made by this process itself, which under pm2-runtime is also what opens the log files.
process.umask(0o077);
makeOwnFolder(join(dataDir, 'logs'));
makeOwnFolder(join(dataDir, 'pids'));

// pm2 starts them in this order, two at a time.
export const apps = [
  ...(setting('REDIS_URL') === undefined ? [redisApp()] : []),
  nodeApp('worker', 'dist/queue/main.js'),
  nodeApp('pipeline', 'dist/server/main.js'),
  nodeApp('tus', 'dist/tus/main.js'),
];
