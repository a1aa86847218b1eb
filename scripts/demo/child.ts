import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { DemoFailure } from './failure.ts';
import { orAborted } from './waiting.ts';

/** How long a process may take to end before it is killed, in milliseconds. */
const STOP_TIMEOUT_MS = 10_000;

const READY_TIMEOUT_MS = 30_000;

export interface ChildOptions {
  /** What the user knows the process by. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Where all that it prints goes. */
  readonly logPath: string;
  /** Whether it tells through an IPC channel that it is ready, as it tells pm2. */
  readonly tellsReady: boolean;
  /** Hears once if the process ends without having been asked to. */
  readonly onDeath: (failure: DemoFailure) => void;
}

/** A process that the demo started. */
export interface Child {
  readonly logPath: string;
  /** Resolves once it has told that it is ready. @throws DemoFailure */
  ready(signal: AbortSignal): Promise<void>;
  /** Asks it to end, and after a while makes it. */
  stop(): Promise<void>;
}

/** Starts a process in a group of its own, so that a terminal's Ctrl-C reaches it only through `stop`. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, command, args, env, cwd, logPath, tellsReady, onDeath } = options;
  const log = await open(logPath, 'a');
  const child: ChildProcess = spawn(command, args, {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', log.fd, log.fd, ...(tellsReady ? (['ipc'] as const) : [])],
  });
  const isReady = new Promise<void>((resolve) => {
    child.on('message', (message) => {
      if (message === 'ready') resolve();
    });
  });
  let isStopping = false;
  const ended = new Promise<void>((resolve) => {
    child.once('error', (cause) => {
      onDeath(new DemoFailure(`The ${name} could not be started: ${cause.message}`, { cause }));
      resolve();
    });
    child.once('exit', (exitCode, killedBy) => {
      const how = killedBy === null ? `with exit code ${exitCode}` : `by ${killedBy}`;
      if (!isStopping) onDeath(new DemoFailure(`The ${name} ended unexpectedly, ${how}.`, { logPath }));
      resolve();
    });
  });
  await log.close();

  return {
    logPath,
    async ready(signal) {
      const timeout = AbortSignal.timeout(READY_TIMEOUT_MS);
      try {
        await orAborted(isReady, AbortSignal.any([signal, timeout]));
      } catch (error) {
        signal.throwIfAborted();
        if (!timeout.aborted) throw error;
        const seconds = READY_TIMEOUT_MS / 1000;
        throw new DemoFailure(`The ${name} did not become ready within ${seconds} s.`, { logPath });
      }
    },
    async stop() {
      isStopping = true;
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await orAborted(ended, AbortSignal.timeout(STOP_TIMEOUT_MS)).catch(() => child.kill('SIGKILL'));
      await ended;
    },
  };
}

/** The last lines of a log; empty when there is none. */
export async function tailOf(logPath: string, lines = 20): Promise<string> {
  const text = await readFile(logPath, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
