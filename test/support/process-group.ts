import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Kills a server that was started `detached`, with all that it has started, and waits for its end; one that has ended already is no error. */
export async function killGroup(server: ChildProcess | undefined): Promise<void> {
  if (server?.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  process.kill(-server.pid, 'SIGKILL');
  await exited;
}
