import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'amqplib';
import { freePort } from './free-port.ts';
import { killGroup } from './process-group.ts';

const setup: { rabbitmqFolder(env: NodeJS.ProcessEnv): string } = await import(
  new URL('../../scripts/setup/rabbitmq.mjs', import.meta.url).href
);

const FOLDER = setup.rabbitmqFolder(process.env);
const ERLANG = join(FOLDER, 'usr/lib/erlang/bin');
const SERVER = join(FOLDER, 'usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin/rabbitmq-server');
const START_TIMEOUT_MS = 60_000;

/** Whether the broker is there; said where tests leave it out, and in CI it is a failure. */
export const hasRabbitmq = existsSync(join(FOLDER, 'complete'));
if (!hasRabbitmq) {
  const said = `There is no RabbitMQ in ${FOLDER}: run "node scripts/setup.mjs --test"`;
  if (process.env['CI']) throw new Error(said);
  process.stderr.write(`Workers over RabbitMQ are not tried. ${said}.\n`);
}

/** A real RabbitMQ of the tests alone, with its own name server, on free ports and in a temporary folder. */
export interface TestRabbitmq {
  readonly port: number;
  /** Ends it at once, as a power cut does. */
  kill(): Promise<void>;
  /** Starts it again on what it has on its disk. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts one that takes connections when the promise resolves.
 *
 * @param options.tls Has it also listen at this port with TLS, by the files of its certificate
 */
export async function startRabbitmq({
  tls,
}: {
  readonly tls?: { port: number; certFile: string; keyFile: string; caFile: string };
} = {}): Promise<TestRabbitmq> {
  const home = await mkdtemp(join(tmpdir(), 'sluice-rabbitmq-'));
  const [port, distributionPort, namePort] = [await freePort(), await freePort(), await freePort()];
  const plugins = join(home, 'plugins');
  await mkdir(join(home, 'home'));
  await writeFile(plugins, '[].\n');
  const settings = tls && {
    'listeners.ssl.1': `127.0.0.1:${tls.port}`,
    'ssl_options.cacertfile': tls.caFile,
    'ssl_options.certfile': tls.certFile,
    'ssl_options.keyfile': tls.keyFile,
  };
  const lines = Object.entries(settings ?? {}).map(([name, value]) => `${name} = ${value}\n`);
  await writeFile(join(home, 'rabbitmq.conf'), lines.join(''));
  const env = {
    PATH: `${ERLANG}:${process.env['PATH']}`,
    // Its cookie lies there.
    HOME: join(home, 'home'),
    ERL_EPMD_PORT: String(namePort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `tests-${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(home, 'mnesia'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
    RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: join(home, 'none'),
    // Becomes the server itself, instead of a shell that waits for it.
    RABBITMQ_ALLOW_INPUT: '1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-noinput +S 1:1',
  };
  const names = spawn(join(ERLANG, 'epmd'), [], { env, stdio: 'ignore' });
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    // All of it can be ended at once.
    const started = spawn(SERVER, [], { env, cwd: home, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    server = started;
    const output: string[] = [];
    started.stdout.on('data', (chunk) => output.push(String(chunk)));
    started.stderr.on('data', (chunk) => output.push(String(chunk)));
    const deadlineMs = performance.now() + START_TIMEOUT_MS;
    while (!(await takesConnections(port))) {
      if (started.exitCode !== null || performance.now() > deadlineMs) {
        const log = await readFile(join(home, 'log', `${env.RABBITMQ_NODENAME}.log`), 'utf8').catch(() => '');
        throw new Error(`RabbitMQ did not start:\n${output.join('')}${log}`);
      }
      await delay(50);
    }
  }

  async function kill(): Promise<void> {
    const ending = server;
    server = undefined;
    await killGroup(ending);
  }

  async function stop(): Promise<void> {
    await kill();
    const ended = names.exitCode === null ? once(names, 'exit') : undefined;
    names.kill('SIGKILL');
    await ended;
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, kill, start, stop };
}

async function takesConnections(port: number): Promise<boolean> {
  try {
    const connection = await connect({ hostname: '127.0.0.1', port });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}
