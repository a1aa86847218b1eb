import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../test/support/free-port.ts';

const DOCS = join(import.meta.dirname, '../../docs/proxy');
const START_TIMEOUT_MS = 10_000;

/** A proxy with the configuration that Sluice ships, of which nothing but ports and its name are changed. */
export interface FrontProxy {
  readonly port: number;
  readonly url: string;
  /** Of all its processes. */
  pids(): Promise<readonly number[]>;
  /** Every file below the folders in which it keeps bodies. */
  bufferedFiles(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export interface Upstreams {
  readonly pipelinePort: number;
  readonly tusPort: number;
  readonly grpcPort?: number;
}

/** What an operator makes of a site. */
type Change = (site: string) => string;

/**
 * A site with one of the options that it only describes: `sign` is how its paragraph begins, after "If". Its path is added, and its
 * lines have no comment signs any more.
 */
export function withOption(site: string, sign: string): string {
  const [paragraph, told = '', lines = ''] =
    new RegExp(`^[ \\t]*# If ${sign}([^]*?)\\n[ \\t]*#\\n((?:[ \\t]*# .*\\n)+)`, 'm').exec(site) ?? [];
  if (paragraph === undefined) throw new Error(`there is no option "If ${sign}"`);
  const [, path = ''] = /add\s(?:\s*# )?"([^"]+\|)"/.exec(told) ?? [];
  const opened = site
    .replace('zoom-upload|tusupload(', (paths) => path + paths)
    .replace(paragraph, () => lines.replace(/^([ \t]*)# /gm, '$1'));
  return told.includes('in place of the last location')
    ? opened.replace(/ {4}location \/ \{\n {8}return 404;\n {4}\}\n/, '')
    : opened;
}

/** The shipped site of nginx, with other ports. */
async function nginxSite(port: number, { pipelinePort, tusPort, grpcPort }: Upstreams): Promise<string> {
  const shipped = await readFile(join(DOCS, 'nginx.conf'), 'utf8');
  return shipped
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replaceAll('127.0.0.1:9009', `127.0.0.1:${pipelinePort}`)
    .replaceAll('127.0.0.1:1080', `127.0.0.1:${tusPort}`)
    .replaceAll('127.0.0.1:50051', `127.0.0.1:${grpcPort ?? 50051}`);
}

/** Runs the system's nginx as this user, in a folder and on a port of its own; `change` is what an operator would. */
export async function startNginx(upstreams: Upstreams, change: Change = (site) => site): Promise<FrontProxy> {
  const port = await freePort();
  return await runNginx(port, change(await nginxSite(port, upstreams)));
}

/** One of several hosts, as its proxy reaches it. */
export interface ProxiedHost {
  readonly id: string;
  /** `host:port` of its two doors. */
  readonly pipeline: string;
  readonly tus: string;
}

/** The shipped site of nginx for several hosts, with these. */
export async function startNginxForHosts(hosts: readonly ProxiedHost[]): Promise<FrontProxy> {
  const port = await freePort();
  const shipped = await readFile(join(DOCS, 'nginx-hosts.conf'), 'utf8');
  const servers = (door: 'pipeline' | 'tus') => hosts.map((host) => `    server ${host[door]};\n`).join('');
  const site = shipped
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace(/( {4}server [\d.]+:9009;\n)+/, servers('pipeline'))
    .replace(/( {4}server [\d.]+:1080;\n)+/, servers('tus'))
    .replace(
      /( {4}"~\^\/tusupload.*\n)+/,
      // One is left out: what belongs to it goes by way of the others.
      hosts
        .slice(1)
        .map(({ id, tus }) => `    "~^/tusupload/[0-9a-f]+-${id}(\\?|$)" ${tus};\n`)
        .join(''),
    );
  return await runNginx(port, site);
}

/** Runs the system's HAProxy with the shipped configuration for several hosts, of which two are named. */
export async function startHaproxy([first, second]: readonly [
  ProxiedHost,
  ProxiedHost,
]): Promise<FrontProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-haproxy-'));
  const port = await freePort();
  let site = await readFile(join(DOCS, 'haproxy.cfg'), 'utf8');
  site = site.replace('bind :80', `bind 127.0.0.1:${port}`);
  for (const [at, host] of [first, second].entries()) {
    site = site
      .replaceAll(`10.0.0.${at + 1}:9009`, host.pipeline)
      .replaceAll(`10.0.0.${at + 1}:1080`, host.tus)
      .replaceAll(`-media-${at + 1}$`, `-${host.id}$`);
  }
  const [config, bodies] = [join(folder, 'haproxy.cfg'), join(folder, 'bodies')];
  await writeFile(config, site);
  await mkdir(bodies);
  return await run({ program: 'haproxy', args: ['-db', '-f', config], folder, bodies, port, env: {} });
}

async function runNginx(port: number, site: string): Promise<FrontProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-nginx-'));
  const bodies = join(folder, 'bodies');
  await writeFile(join(folder, 'site.conf'), site);
  // The part of nginx.conf that is the system's own.
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid ${folder}/pid; error_log ${folder}/error.log;
     ${process.getuid?.() === 0 ? 'user root;' : ''}
     events { worker_connections 16384; }
     http {
       access_log off;
       client_body_temp_path ${bodies}/client; proxy_temp_path ${bodies}/proxy; fastcgi_temp_path ${bodies}/fastcgi;
       uwsgi_temp_path ${bodies}/uwsgi; scgi_temp_path ${bodies}/scgi;
       include ${folder}/site.conf;
     }`,
  );
  await mkdir(bodies);
  const args = ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')];
  return await run({ program: 'nginx', args, folder, bodies, port, env: {} });
}

/** Runs the system's Caddy in the same way, without certificates. */
export async function startCaddy(
  { pipelinePort, tusPort, grpcPort }: Upstreams,
  change: Change = (site) => site,
): Promise<FrontProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-caddy-'));
  const port = await freePort();
  const shipped = await readFile(join(DOCS, 'Caddyfile'), 'utf8');
  const site = shipped
    .replace(/^\{\n/m, '{\n\tadmin off\n')
    .replace(/^recordings\.example\.org \{/m, `http://:${port} {\n\tbind 127.0.0.1`)
    .replaceAll('127.0.0.1:9009', `127.0.0.1:${pipelinePort}`)
    .replaceAll('127.0.0.1:1080', `127.0.0.1:${tusPort}`)
    .replaceAll('127.0.0.1:50051', `127.0.0.1:${grpcPort ?? 50051}`);
  const config = join(folder, 'Caddyfile');
  await writeFile(config, change(site));
  const bodies = join(folder, 'tmp');
  await mkdir(bodies);
  const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, TMPDIR: bodies };
  const args = ['run', '--adapter', 'caddyfile', '--config', config];
  return await run({ program: 'caddy', args, folder, bodies, port, env });
}

/** The path of a program of the system; throws if there is none. */
function findProgram(name: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const path of folders.filter(Boolean).map((each) => join(each, name))) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Looked for in the next folder.
    }
  }
  throw new Error(`${name} was not found: run "node scripts/setup.mjs --test"`);
}

async function run(options: {
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly bodies: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
}): Promise<FrontProxy> {
  const { program, args, folder, bodies, port, env } = options;
  const output: string[] = [];
  const child = spawn(findProgram(program), args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(String(chunk)));

  async function stop(): Promise<void> {
    if (isRunning(child)) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
    await rm(folder, { recursive: true, force: true });
  }

  const deadlineMs = Date.now() + START_TIMEOUT_MS;
  while (!(await isListening(port))) {
    if (!isRunning(child) || Date.now() > deadlineMs) {
      const errors = await readFile(join(folder, 'error.log'), 'utf8').catch(() => '');
      await stop();
      throw new Error(`${program} did not start:\n${output.join('')}${errors}`);
    }
    await delay(20);
  }
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async pids() {
      const own = child.pid ?? 0;
      const children = await readFile(`/proc/${own}/task/${own}/children`, 'utf8').catch(() => '');
      return [own, ...children.trim().split(' ').filter(Boolean).map(Number)];
    },
    async bufferedFiles() {
      const entries = await readdir(bodies, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    },
    stop,
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
