import type { Logger } from 'pino';
import { KnownError } from '../domain/errors.ts';
import { withinTime } from './abort.ts';

export interface RunningProcess {
  readonly log: Logger;
  /** Lets go of everything; called once. */
  stop(): Promise<void>;
  /** The longest that `stop` may take, in milliseconds. */
  readonly stopTimeoutMs: number;
}

/**
 * Runs a process from start to signal: whatever it creates is for this user's eyes only; a start that fails for a known
 * reason prints it and exits with 1; once started it tells pm2 that it is ready; SIGTERM and SIGINT stop it; an error
 * that nobody caught is logged and ends it, for the process manager to start it anew.
 */
export async function runProcess(start: () => Promise<RunningProcess>): Promise<void> {
  process.umask(0o077);
  let running: RunningProcess;
  try {
    running = await start();
  } catch (error) {
    process.stderr.write(`${error instanceof KnownError ? error.message : String((error as Error).stack)}\n`);
    process.exit(1);
  }
  const { log } = running;

  let isStopping = false;
  async function stop(exitCode: number): Promise<void> {
    if (isStopping) return;
    isStopping = true;
    const isInTime = await withinTime(running.stop(), running.stopTimeoutMs).catch((error) => {
      log.error({ event: 'process.stop-failed', err: error }, 'stop failed');
      return true;
    });
    if (!isInTime) log.warn({ event: 'process.stop-late' }, 'stop took too long, ending anyway');
    log.info({ event: 'process.stopped' }, 'stopped');
    process.exit(exitCode);
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(0));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ event: 'bug', err: error }, 'nobody caught this');
      void stop(1);
    });
  }
  log.info({ event: 'process.started' }, 'started');
  process.send?.('ready');
}
