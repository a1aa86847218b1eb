import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A real Redis (or Valkey) of this test alone, on a unix socket in a temp folder. */
export interface TestRedis {
  /** `unix://` and the socket's path, as REDIS_URL takes it. */
  readonly url: string;
  readonly socketPath: string;
  /** Starts it again after `kill` on the same socket and the same append-only file. */
  start(): Promise<void>;
  /** Ends it at once with SIGKILL and resolves when the process is gone; what it acknowledged is on disk. */
  kill(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const startTimeoutMs = 10_000;
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Starts a Redis that answers when the promise resolves. */
export async function startRedis(): Promise<TestRedis> {
  const program = findServer();
  const folder = await mkdtemp(join(tmpdir(), 'sluice-redis-'));
  const socketPath = join(folder, 'r.sock');
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    if (child !== undefined) throw new Error('this Redis already runs');
    const started = spawn(program, redisArguments(folder, socketPath), { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    const output: string[] = [];
    started.stdout.on('data', (chunk) => output.push(String(chunk)));
    started.stderr.on('data', (chunk) => output.push(String(chunk)));
    const deadlineMs = Date.now() + startTimeoutMs;
    while (!(await answersPing(socketPath))) {
      if (started.exitCode !== null || Date.now() > deadlineMs) {
        throw new Error(`${program} did not start:\n${output.join('')}`);
      }
      await delay(20);
    }
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = once(ending, 'exit');
    ending.kill(signal);
    await exited;
  };

  const stop = async (): Promise<void> => {
    await end('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `unix://${socketPath}`, socketPath, start, kill: () => end('SIGKILL'), stop };
}

/** True when a Redis behind this socket answers PONG, so one that still loads its file is not ready yet. */
export async function answersPing(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.setTimeout(1000, () => socket.destroy());
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (answer) => {
      resolve(String(answer).startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

function redisArguments(folder: string, socketPath: string): string[] {
  return [
    ...['--port', '0', '--unixsocket', socketPath, '--unixsocketperm', '700', '--dir', folder],
    ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction'],
  ];
}

/** The program, wherever it is. */
export function findServer(): string {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of folders.filter((entry) => entry !== '')) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Looked for in the next folder.
      }
    }
  }
  throw new Error('neither redis-server nor valkey-server was found');
}
