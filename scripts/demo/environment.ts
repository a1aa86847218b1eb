import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { WITH_TWO_STORES } from '../../test/support/recipes.ts';
import { type Child, startChild } from './child.ts';
import type { Cleanup } from './cleanup.ts';
import { DemoFailure } from './failure.ts';
import { type Meter, meterLink } from './meter.ts';
import { choosePort } from './ports.ts';
import { startRedis, untilRedisAnswers, withoutSecret } from './redis.ts';

/** The speed of each simulated service: slow enough to be watched. */
const LINK_BYTES_PER_SECOND = 25_000_000;

/** Of large files and of PATCH requests: small enough for the demo's recordings to need several. */
const STEP_BYTES = 16 * 1024 * 1024;

const PROCESSES = [
  { name: 'pipeline', title: 'pipeline server', script: 'dist/server/main.js' },
  { name: 'tus', title: 'tus server', script: 'dist/tus/main.js' },
  { name: 'worker', title: 'worker', script: 'dist/queue/main.js' },
] as const;

/** All of Sluice, running, and the world that it lives in. */
export interface Environment {
  /** Where recordings lie before they are sent. */
  readonly sourceDir: string;
  readonly dataDir: string;
  /** The folder that is an archive beside B2. */
  readonly archiveDir: string;
  readonly simulators: AllSimulators;
  /** What passes through the services whose speed is limited. */
  readonly meters: { readonly cdn: Meter; readonly b2: Meter; readonly bunny: Meter };
  readonly bytesPerSecond: number;
  readonly pipelineUrl: string;
  /** The address for tus uploads. */
  readonly tusUrl: string;
  /** With which the website signs upload tokens. */
  readonly uploadTokenSecret: string;
  readonly logPaths: { readonly pipeline: string; readonly tus: string; readonly worker: string };
}

export interface EnvironmentOptions {
  /** The checkout. */
  readonly root: string;
  /** The demo's own environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly keepsFolder: boolean;
  readonly cleanup: Cleanup;
  readonly say: (line: string) => void;
  /** Hears of a process that ends by itself. */
  readonly onDeath: (failure: DemoFailure) => void;
  readonly signal: AbortSignal;
}

/** Starts Redis, the simulators and the three processes in a fresh folder. What it starts, the clean-up ends. */
export async function startEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { root, cleanup, say, signal } = options;
  requireBuild(root);
  const folder = await makeFolder(options);
  const [dataDir, sourceDir, logDir] = [join(folder, 'data'), join(folder, 'sent'), join(folder, 'log')];
  const [archiveDir, outputsDir] = [join(folder, 'archive'), join(folder, 'outputs')];
  for (const each of [dataDir, sourceDir, logDir, outputsDir]) await mkdir(each, { mode: 0o700 });
  const recipesPath = join(folder, 'recipes.yaml');
  await writeFile(recipesPath, WITH_TWO_STORES);

  const redis = await provideRedis(options, folder, dataDir, logDir);
  signal.throwIfAborted();

  const bytesPerSecond = LINK_BYTES_PER_SECOND;
  const ports = {
    pipeline: await providePort('pipeline', 9009, say),
    tus: await providePort('tus', 1080, say),
  };
  const pipelineUrl = `http://127.0.0.1:${ports.pipeline}`;
  const simulators = await startAllSimulators({
    zoom: { bytesPerSecond },
    b2: { bytesPerSecond, directory: join(folder, 'b2') },
    bunny: { bytesPerSecond, directory: join(folder, 'bunny'), webhookUrl: `${pipelineUrl}/bunny-webhook` },
  });
  cleanup.add(() => simulators.close());
  const meters = {
    cdn: meterLink(simulators.zoom.cdn.link),
    b2: meterLink(simulators.b2.link),
    bunny: meterLink(simulators.bunny.link),
  };
  say(`Simulators    Zoom, Zoom CDN, B2, Bunny (${bytesPerSecond / 1e6} MB/s each), website`);

  const uploadTokenSecret = randomBytes(32).toString('base64');
  await startProcesses(options, logDir, {
    ...minimalEnvironment(options.env),
    ...simulators.environment,
    ...redis,
    DATA_DIR: dataDir,
    RECIPES_FILE: recipesPath,
    FOLDER_STORE: archiveDir,
    MEDIA_OUT: outputsDir,
    PIPELINE_PORT: String(ports.pipeline),
    TUS_PORT: String(ports.tus),
    UPLOAD_TOKEN_SECRET: uploadTokenSecret,
    ARCHIVE_PART_BYTES: String(STEP_BYTES),
    PUBLISH_PATCH_BYTES: String(STEP_BYTES),
    // Two views of one meeting, told apart.
    ZOOM_VIEWS: 'all',
    // What fails here shall be seen to fail, or to recover, while somebody watches.
    RETRY_ATTEMPTS: '4',
    RETRY_BACKOFF_MIN_S: '1',
    RETRY_BACKOFF_MAX_S: '5',
    CIRCUIT_OPEN_MIN_S: '1',
    CIRCUIT_OPEN_MAX_S: '5',
    PLAYABLE_POLL_MIN_S: '1',
    PLAYABLE_POLL_MAX_S: '5',
    DISK_RESERVE_BYTES: '0',
  });
  say(`Processes     pipeline (port ${ports.pipeline}), tus (port ${ports.tus}), worker`);

  return {
    sourceDir,
    dataDir,
    archiveDir,
    simulators,
    meters,
    bytesPerSecond,
    pipelineUrl,
    tusUrl: `http://127.0.0.1:${ports.tus}/tusupload`,
    uploadTokenSecret,
    logPaths: {
      pipeline: join(logDir, 'pipeline.log'),
      tus: join(logDir, 'tus.log'),
      worker: join(logDir, 'worker.log'),
    },
  };
}

function requireBuild(root: string): void {
  const missing = PROCESSES.find(({ script }) => !existsSync(join(root, script)));
  if (missing === undefined) return;
  throw new DemoFailure(
    `${missing.script} is missing: start the demo with "npm run demo", which builds first.`,
  );
}

/** The path is short, because that of a unix socket may not have more than some hundred bytes. */
async function makeFolder({ cleanup, keepsFolder, say }: EnvironmentOptions): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
  cleanup.add(async () => {
    if (keepsFolder) say(`Left where it is: ${folder}`);
    else await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  say(`Folder        ${folder}${keepsFolder ? '' : ' (removed at the end)'}`);
  return folder;
}

/** The settings by which the processes find Redis. */
async function provideRedis(
  { env, cleanup, say, onDeath, signal }: EnvironmentOptions,
  folder: string,
  dataDir: string,
  logDir: string,
): Promise<Record<string, string>> {
  const url = env['REDIS_URL'];
  if (url) {
    say(`Redis         ${withoutSecret(url)}, from REDIS_URL; its keys sluice:* are used and stay`);
    await untilRedisAnswers(url, signal);
    return { REDIS_URL: url };
  }
  const socketPath = join(dataDir, 'redis.sock');
  const logPath = join(logDir, 'redis.log');
  const cwd = join(folder, 'redis');
  const { child, program } = await startRedis({
    env: minimalEnvironment(env),
    cwd,
    logPath,
    socketPath,
    tellsReady: false,
    onDeath,
  });
  cleanup.add(() => child.stop());
  await untilRedisAnswers(socketPath, signal, logPath);
  say(`Redis         ${program}, on a unix socket in that folder`);
  return {};
}

async function providePort(name: string, preferred: number, say: (line: string) => void): Promise<number> {
  const port = await choosePort(preferred);
  if (port !== preferred) say(`Port          ${preferred} is taken, so ${name} listens on ${port} instead`);
  return port;
}

async function startProcesses(
  { root, cleanup, onDeath, signal }: EnvironmentOptions,
  logDir: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const children: Child[] = [];
  cleanup.add(async () => {
    await Promise.all(children.map((child) => child.stop()));
  });
  for (const { name, title, script } of PROCESSES) {
    const child = await startChild({
      name: title,
      command: process.execPath,
      args: [join(root, script)],
      env,
      // Not the checkout, whose .env is for real accounts.
      cwd: logDir,
      logPath: join(logDir, `${name}.log`),
      tellsReady: true,
      onDeath,
    });
    children.push(child);
  }
  await Promise.all(children.map((child) => child.ready(signal)));
}

/** What programs need to run at all; nothing of the user's settings. */
function minimalEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'TZ'].map((name) => [name, env[name]]);
  return Object.fromEntries(kept.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
