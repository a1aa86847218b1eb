import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENTRIES, PROCESS_NAMES, type ProcessName, systemEnvironment } from '../../test/support/processes.ts';
import { createProcessClock } from '../chaos/clock.ts';
import { mountVolume, type Volume } from '../chaos/volume.ts';
import type { HostLink } from './network.ts';

/** How soon a process that has ended is begun again, in milliseconds. */
const RESTART_MS = 400;

/** One host: its processes, which are begun again when they end, its disk and its link. */
export interface Host {
  readonly id: string;
  readonly dataDir: string;
  readonly link: HostLink;
  readonly pipelineUrl: string;
  /** `host:port` of its doors. */
  readonly doors: { readonly pipeline: string; readonly tus: string; readonly grpc: string };
  readonly volume: Volume | undefined;
  /** Kills a process; it is begun again. */
  kill(app: ProcessName): void;
  /** Kills all of them, and begins none again until `start`. */
  fall(): void;
  start(): void;
  /** Halts all of them, or lets them go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** How often its processes have logged an event. */
  logged(event: string): Promise<number>;
  /** Ends all of them for good. */
  close(): Promise<void>;
}

export async function openHost(options: {
  readonly root: string;
  readonly folder: string;
  readonly id: string;
  readonly link: HostLink;
  readonly ports: { readonly pipeline: number; readonly tus: number; readonly grpc: number };
  readonly clockOffsetS: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly keepsFolder: boolean;
}): Promise<Host> {
  const { root, id, link, ports, keepsFolder } = options;
  const folder = join(options.folder, id);
  const dataDir = join(folder, 'data');
  await mkdir(folder);
  const volume = await mountVolume(dataDir);
  const clock = createProcessClock(folder);
  clock?.set(options.clockOffsetS);
  const environment = {
    ...systemEnvironment(),
    ...options.environment,
    ...clock?.environment,
    DATA_DIR: dataDir,
    HOST_ID: id,
    HOST_URL: `http://${link.address}:${ports.tus}`,
    PIPELINE_HOST: link.command.length > 0 ? '0.0.0.0' : link.address,
    PIPELINE_PORT: String(ports.pipeline),
    TUS_HOST: link.command.length > 0 ? '0.0.0.0' : link.address,
    TUS_PORT: String(ports.tus),
    GRPC_HOST: link.command.length > 0 ? '0.0.0.0' : link.address,
    GRPC_PORT: String(ports.grpc),
  };
  const log = createWriteStream(join(folder, 'log'), { flags: 'a' });
  const children = new Map<ProcessName, ChildProcess>();
  const waiting = new Set<NodeJS.Timeout>();
  let isUp = true;

  function begin(app: ProcessName): void {
    const [program = '', ...args] = [...link.command, process.execPath, join(root, ENTRIES[app])];
    const child = spawn(program, args, { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    children.set(app, child);
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => log.write(text));
    child.once('close', () => {
      if (children.get(app) === child) children.delete(app);
      if (!isUp) return;
      const timer = setTimeout(() => {
        waiting.delete(timer);
        if (isUp) begin(app);
      }, RESTART_MS);
      waiting.add(timer);
    });
  }

  function fall(): void {
    isUp = false;
    for (const timer of waiting) clearTimeout(timer);
    waiting.clear();
    for (const child of children.values()) child.kill('SIGKILL');
  }

  function start(): void {
    isUp = true;
    for (const app of PROCESS_NAMES) if (!children.has(app)) begin(app);
  }

  start();
  return {
    id,
    dataDir,
    link,
    pipelineUrl: `http://${link.address}:${ports.pipeline}`,
    doors: {
      pipeline: `${link.address}:${ports.pipeline}`,
      tus: `${link.address}:${ports.tus}`,
      grpc: `${link.address}:${ports.grpc}`,
    },
    volume,
    kill: (app) => void children.get(app)?.kill('SIGKILL'),
    fall,
    start,
    signal(signal) {
      for (const child of children.values()) child.kill(signal);
    },
    async logged(event) {
      const text = await readFile(join(folder, 'log'), 'utf8').catch(() => '');
      return text.split(`"event":"${event}"`).length - 1;
    },
    async close() {
      for (const child of children.values()) child.kill('SIGCONT');
      fall();
      await Promise.all(
        [...children.values()].map((child) => new Promise((resolve) => child.once('close', resolve))),
      );
      log.end();
      await volume?.unmount(keepsFolder);
    },
  };
}
