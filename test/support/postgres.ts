import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { appendFile, chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { killGroup } from './process-group.ts';

const run = promisify(execFile);

/** A real Postgres of the tests alone, on a unix socket in a temp folder. */
export interface TestPostgres {
  /** The URL of a database of its own. */
  create(): Promise<string>;
  /** The URL of a database by its name, by the socket. */
  urlOf(name: string): string;
  /** Carries out statements of SQL in a database of it, and resolves with what psql prints. */
  ask(url: string, statements: string): Promise<string>;
  start(): Promise<void>;
  /** Ends it at once, as a crash does, and resolves when all of it is gone. */
  kill(): Promise<void>;
  /** Halts all of it, as a machine that hangs, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;

/** Settings that make it quick and small. What the tests kill are its processes: for that nothing need be synced to the disk. */
const SETTINGS = {
  listen_addresses: '',
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '32MB',
  max_connections: '300',
  autovacuum: 'off',
  jit: 'off',
};

/** As a server is where nobody says otherwise. */
const LASTING = { fsync: 'on', full_page_writes: 'on', shared_buffers: '128MB', autovacuum: 'on' };

/**
 * Starts one that answers when the promise resolves.
 *
 * @param options.listen An address, with the network that may reach it, on which it listens besides
 * @param options.standbyOf The URL of the server that it is to be a standby of, until it is promoted
 * @param options.isDurable Has it sync to the disk and look after its tables, as it does where nobody says otherwise
 */
export async function startPostgres({
  listen,
  standbyOf,
  isDurable = false,
}: {
  readonly listen?: { readonly address: string; readonly port: number; readonly network: string };
  readonly standbyOf?: string;
  readonly isDurable?: boolean;
} = {}): Promise<TestPostgres> {
  const programs = findPrograms();
  const folder = await mkdtemp(join(tmpdir(), 'sluice-postgres-'));
  const [data, passwords] = [join(folder, 'data'), join(folder, 'password')];
  // It refuses to run as root.
  const owner: Partial<Ids> = process.getuid?.() === 0 ? await idsOf('postgres', 'nobody') : {};
  await writeFile(passwords, 'secret', { mode: 0o600 });
  if (owner.uid !== undefined && owner.gid !== undefined) {
    for (const path of [folder, passwords]) await chown(path, owner.uid, owner.gid);
  }
  await chmod(folder, 0o755);
  if (standbyOf === undefined) {
    const init = ['--username=sluice', '--auth=scram-sha-256', `--pwfile=${passwords}`, '--encoding=UTF8'];
    await run(join(programs, 'initdb'), [...init, '--locale=C.UTF-8', '--no-sync', '-D', data], owner);
    if (listen !== undefined) {
      await appendFile(join(data, 'pg_hba.conf'), `host all all ${listen.network} scram-sha-256\n`);
    }
  } else {
    const copy = ['--write-recovery-conf', '--checkpoint=fast', '--no-sync', '-D', data];
    await run(join(programs, 'pg_basebackup'), ['-d', standbyOf, ...copy], owner);
  }

  let server: ChildProcess | undefined;
  let databases = 0;
  const port = listen === undefined ? '' : `&port=${listen.port}`;
  const urlOf = (name: string) =>
    `postgres://sluice:secret@/${name}?host=${encodeURIComponent(folder)}${port}`;
  const ask = async (url: string, statements: string) =>
    (
      await run(join(programs, 'psql'), [
        '--no-psqlrc',
        '-qtAX',
        '-v',
        'ON_ERROR_STOP=1',
        url,
        '-c',
        statements,
      ])
    ).stdout;

  async function start(): Promise<void> {
    const reached = listen && { listen_addresses: listen.address, port: String(listen.port) };
    const synced = isDurable ? LASTING : {};
    const settings = Object.entries({ ...SETTINGS, ...synced, ...reached }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    const started = spawn(join(programs, 'postgres'), ['-D', data, '-k', folder, ...settings], {
      ...owner,
      stdio: ['ignore', 'ignore', 'pipe'],
      // All of it can be ended at once.
      detached: true,
    });
    server = started;
    const output: string[] = [];
    started.stderr.on('data', (chunk) => output.push(String(chunk)));
    const deadlineMs = performance.now() + START_TIMEOUT_MS;
    while (!(await ask(urlOf('postgres'), 'select 1').catch(() => ''))) {
      if (started.exitCode !== null || performance.now() > deadlineMs) {
        throw new Error(`Postgres did not start:\n${output.join('')}`);
      }
      await delay(20);
    }
  }

  async function kill(): Promise<void> {
    const ending = server;
    server = undefined;
    await killGroup(ending);
  }

  async function stop(): Promise<void> {
    await kill();
    await rm(folder, { recursive: true, force: true });
  }

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    async create() {
      databases += 1;
      const name = `ledger_${process.pid}_${databases}`;
      await ask(urlOf('postgres'), `create database ${name}`);
      return urlOf(name);
    },
    urlOf,
    ask,
    start,
    kill,
    async signal(signal) {
      if (server?.pid !== undefined) process.kill(-server.pid, signal);
    },
    stop,
  };
}

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

async function idsOf(...names: readonly string[]): Promise<Ids> {
  for (const name of names) {
    const ids = await Promise.all(
      ['-u', '-g'].map(async (kind) => Number((await run('id', [kind, name])).stdout)),
    ).catch(() => undefined);
    if (ids !== undefined) return { uid: ids[0] ?? 0, gid: ids[1] ?? 0 };
  }
  throw new Error(`none of the users ${names.join(', ')} is there: Postgres refuses to run as root`);
}

/** Debian keeps the server's programs in a folder per version. */
function findPrograms(): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(':'),
  ];
  const found = folders.find((folder) => existsSync(join(folder, 'initdb')));
  if (found === undefined) throw new Error('no Postgres server is installed: npm run setup -- --test');
  return found;
}
