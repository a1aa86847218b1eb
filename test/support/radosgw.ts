import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isJson } from '../../src/lib/json.ts';
import { freePort } from './free-port.ts';

const setup: { radosgwFolder(env: NodeJS.ProcessEnv): string } = await import(
  new URL('../../scripts/setup/radosgw.mjs', import.meta.url).href
);

const FOLDER = setup.radosgwFolder(process.env);
const LIBRARIES = join(FOLDER, 'usr/lib/x86_64-linux-gnu');

/** Whether the S3 server is there that is not ours; said where tests leave it out, and in CI it is a failure. */
export const hasRadosgw = existsSync(join(FOLDER, 'complete'));
if (!hasRadosgw) {
  const said = `There is no radosgw in ${FOLDER}: run "node scripts/setup.mjs --test"`;
  if (process.env['CI']) throw new Error(said);
  process.stderr.write(`S3 is not tried with a real server. ${said}.\n`);
}

/** A real server that speaks S3: Ceph's radosgw by itself, with files below a temporary folder. */
export interface Radosgw {
  readonly url: string;
  readonly keyId: string;
  readonly secretKey: string;
  /** Ends it at once, whatever it is at; what it has on its disk stays. */
  kill(): Promise<void>;
  /** Starts it anew on the same port with what it has on its disk. */
  start(): Promise<void>;
  isUp(): boolean;
  close(): Promise<void>;
}

/** @param minPartBytes The least that parts have, 5 MiB unless it is said. */
export async function startRadosgw({ minPartBytes = 5 * 1024 * 1024 } = {}): Promise<Radosgw> {
  const home = await mkdtemp(join(tmpdir(), 'radosgw-'));
  for (const name of ['run', 'data', 'db']) await mkdir(join(home, name));
  const port = await freePort();
  const config = join(home, 'ceph.conf');
  const lines = {
    auth_cluster_required: 'none',
    auth_service_required: 'none',
    auth_client_required: 'none',
    run_dir: join(home, 'run'),
    log_file: join(home, 'log'),
    admin_socket: join(home, 'run/asok'),
    plugin_dir: join(LIBRARIES, 'ceph'),
    rgw_data: join(home, 'data'),
    dbstore_db_dir: join(home, 'db'),
    rgw_backend_store: 'dbstore',
    rgw_config_store: 'dbstore',
    dbstore_config_uri: `file:${join(home, 'db/config.db')}`,
    rgw_frontends: `beast endpoint=127.0.0.1:${port}`,
    rgw_enable_apis: 's3, admin',
    rgw_multipart_min_part_size: minPartBytes,
    // Its database loses parts that come at the same time.
    rgw_thread_pool_size: 1,
  };
  const text = Object.entries(lines).map(([name, value]) => `${name} = ${value}`);
  await writeFile(config, `[global]\n${text.join('\n')}\n`);

  /** What is run of it is found and linked by its own loader. */
  const command = (program: string): [string, string[]] => [
    join(LIBRARIES, 'ld-linux-x86-64.so.2'),
    [
      '--library-path',
      `${LIBRARIES}:${join(LIBRARIES, 'ceph')}`,
      join(FOLDER, 'usr/bin', program),
      '-c',
      config,
      '-n',
      'client.rgw',
      '--no-mon-config',
    ],
  ];
  const url = `http://127.0.0.1:${port}`;
  const [keyId, secretKey] = ['AKTEST', 'a/secret+of=tests'];
  const [admin, before] = command('radosgw-admin');
  const user = ['user', 'create', '--uid=tests', '--display-name=tests'];
  await makeUser(admin, [...before, ...user, `--access-key=${keyId}`, `--secret-key=${secretKey}`]);

  async function start(): Promise<ChildProcess> {
    const [program, args] = command('radosgw');
    const child = spawn(program, [...args, '-f'], { stdio: 'ignore' });
    for (;;) {
      if (hasEnded(child)) {
        throw new Error(`radosgw has ended: ${await readFile(join(home, 'log'), 'utf8').catch(() => '')}`);
      }
      const answered = await fetch(url).catch(() => undefined);
      await answered?.arrayBuffer();
      if (answered !== undefined) return child;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async function stop(child: ChildProcess): Promise<void> {
    if (hasEnded(child)) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  let child = await start();
  return {
    url,
    keyId,
    secretKey,
    kill: () => stop(child),
    async start() {
      if (hasEnded(child)) child = await start();
    },
    isUp: () => !hasEnded(child),
    async close() {
      await stop(child);
      await rm(home, { recursive: true, force: true });
    },
  };
}

/**
 * Runs its tool until that has told of the user, as JSON, which it does when all is written. It is not waited for any longer: on a
 * busy machine it now and then waits for ever for a thread of its own that does not end.
 */
async function makeUser(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  let [told, complaints] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    told += text;
    if (isJson(told)) child.kill('SIGKILL');
  });
  await closed;
  if (!isJson(told)) throw new Error(`radosgw-admin has made no user: ${complaints}`);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
