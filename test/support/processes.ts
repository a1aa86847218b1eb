import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

const checkout = join(import.meta.dirname, '../..');

/** What each process is started by, below the checkout. */
export const ENTRIES = {
  pipeline: 'dist/server/main.js',
  tus: 'dist/tus/main.js',
  worker: 'dist/queue/main.js',
} as const;

export type ProcessName = keyof typeof ENTRIES;
export const PROCESS_NAMES = ['pipeline', 'tus', 'worker'] as const satisfies readonly ProcessName[];

/** How a process ended: its exit code or the signal that ended it, and how long that took, in milliseconds. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly durationMs: number;
}

/** The processes of Sluice as they are built, without a process manager: what ends stays ended. */
export interface Processes {
  /** A temp folder, removed by `stop`. */
  readonly dataDir: string;
  readonly pipelineUrl: string;
  readonly tusUrl: string;
  pid(name: ProcessName): number;
  /** All that the process has written since it was first started, standard error included. */
  output(name: ProcessName): string;
  /** Sends the signal, SIGKILL unless another is given, and waits for the end. */
  kill(name: ProcessName, signal?: NodeJS.Signals): Promise<Ended>;
  /** Starts it anew, after a SIGTERM if it still runs, and waits until it is ready. */
  restart(name: ProcessName): Promise<void>;
  /** Ends all that still runs and removes the folder. */
  stop(): Promise<void>;
}

/**
 * Starts the built processes, all three unless some are named, each with this environment, on free ports, and resolves
 * when each is ready. Their working directory holds no .env, so that the checkout's own settings do not reach them.
 */
export async function startProcesses(
  environment: Readonly<Record<string, string>>,
  names: readonly ProcessName[] = PROCESS_NAMES,
): Promise<Processes> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-run-'));
  const dataDir = join(folder, 'data');
  const [pipelinePort, tusPort] = [await freePort(), await freePort()];
  const env = {
    ...systemEnvironment(),
    DATA_DIR: dataDir,
    PIPELINE_PORT: String(pipelinePort),
    TUS_PORT: String(tusPort),
    ...environment,
  };
  const children = new Map<ProcessName, ChildProcess>();
  const outputs = new Map<ProcessName, string[]>();

  async function start(name: ProcessName): Promise<void> {
    const output = outputs.get(name) ?? [];
    outputs.set(name, output);
    const child = spawnProcess(name, { cwd: folder, env }, (text) => output.push(text));
    children.set(name, child);
    await whenReady(child).catch((error: unknown) => {
      throw new Error(`${name} did not start:\n${output.join('')}`, { cause: error });
    });
  }

  async function kill(name: ProcessName, signal: NodeJS.Signals = 'SIGKILL'): Promise<Ended> {
    const child = children.get(name);
    if (child === undefined) throw new Error(`${name} does not run`);
    children.delete(name);
    const startedMs = performance.now();
    if (!hasEnded(child)) {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    }
    const durationMs = performance.now() - startedMs;
    return { exitCode: child.exitCode, signal: child.signalCode, durationMs };
  }

  async function stop(): Promise<void> {
    await Promise.all([...children.keys()].map((name) => kill(name)));
    await rm(folder, { recursive: true, force: true });
  }

  try {
    await Promise.all(names.map(start));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    dataDir,
    pipelineUrl: `http://127.0.0.1:${pipelinePort}`,
    tusUrl: `http://127.0.0.1:${tusPort}/tusupload`,
    pid(name) {
      const pid = children.get(name)?.pid;
      if (pid === undefined) throw new Error(`${name} does not run`);
      return pid;
    },
    output: (name) => (outputs.get(name) ?? []).join(''),
    kill,
    async restart(name) {
      if (children.has(name)) await kill(name, 'SIGTERM');
      await start(name);
    },
    stop,
  };
}

/** Starts one built process with exactly this environment; `onOutput` hears what it writes. */
export function spawnProcess(
  name: ProcessName,
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
  onOutput: (text: string) => void,
): ChildProcess {
  // With the memory settings of ecosystem.config.js.
  const child = spawn(process.execPath, ['--max-semi-space-size=4', join(checkout, ENTRIES[name])], {
    cwd: options.cwd,
    env: { MALLOC_ARENA_MAX: '2', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', onOutput);
  return child;
}

/** What a program needs of this process's environment to run at all; no setting of Sluice is among it. */
export function systemEnvironment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function whenReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown) => {
      if (message === 'ready') resolve();
    };
    child.on('message', onMessage);
    child.once('error', reject);
    child.once('close', (code, signal) => reject(new Error(`it ended with ${signal ?? code}`)));
  });
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
