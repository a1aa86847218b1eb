import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { type Child, type ChildOptions, startChild } from './child.ts';
import { DemoFailure } from './failure.ts';
import { orAborted, pause } from './waiting.ts';

const PROGRAMS = ['redis-server', 'valkey-server'];

/** Where system programs lie that the PATH of an ordinary user may leave out. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

const START_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

/** Starts a Redis of the demo's own that keeps nothing on disk and listens on a unix socket only. */
export async function startRedis(
  options: Omit<ChildOptions, 'name' | 'command' | 'args'> & { readonly socketPath: string },
): Promise<{ readonly child: Child; readonly program: string }> {
  const program = await findRedis(options.env['PATH'] ?? '');
  if (program === undefined) {
    throw new DemoFailure(
      'There is no Redis: install redis-server or valkey-server, or set REDIS_URL to one that runs.',
    );
  }
  await mkdir(options.cwd, { recursive: true });
  const settings = {
    '--port': '0',
    '--unixsocket': options.socketPath,
    '--unixsocketperm': '700',
    '--save': '',
    '--appendonly': 'no',
    '--maxmemory-policy': 'noeviction',
  };
  const args = Object.entries(settings).flat();
  return { child: await startChild({ ...options, name: 'Redis', command: program, args }), program };
}

async function findRedis(path: string): Promise<string | undefined> {
  const folders = [...path.split(delimiter).filter(Boolean), ...SYSTEM_FOLDERS];
  for (const candidate of PROGRAMS.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    const isThere = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return candidate;
  }
  return undefined;
}

/** Resolves once the Redis at an address, or at the path of its socket, answers. @throws DemoFailure */
export async function untilRedisAnswers(
  address: string,
  signal: AbortSignal,
  logPath?: string,
): Promise<void> {
  const options = { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 };
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const redis = address.startsWith('/')
      ? new Redis(address, options)
      : new Redis(toTarget(address), options);
    let problem = '';
    redis.on('error', (error) => {
      problem = error.message;
    });
    try {
      await orAborted(redis.connect(), signal);
      await orAborted(redis.ping(), signal);
      return;
    } catch (cause) {
      signal.throwIfAborted();
      if (performance.now() > deadlineMs) {
        const why = problem || (cause instanceof Error ? cause.message : String(cause));
        throw new DemoFailure(`Redis does not answer at ${withoutSecret(address)}: ${why}`, {
          logPath,
          cause,
        });
      }
      await pause(POLL_MS, signal);
    } finally {
      redis.disconnect();
    }
  }
}

function toTarget(address: string): string {
  return address.replace(/^unix:\/\//, '');
}

/** An address as it may be printed. */
export function withoutSecret(address: string): string {
  return address.replace(/\/\/[^/@]*@/, '//');
}
