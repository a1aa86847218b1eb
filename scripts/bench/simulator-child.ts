import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import type { Scope } from './scope.ts';

/** A simulator in a process of its own, and what it told when it was ready to answer. */
export interface SimulatorChild<Ready> {
  readonly ready: Ready;
  readonly pid: number;
}

/** Starts a script that takes its order as its only argument, in JSON; the end of the scope ends it. */
export async function startSimulatorProcess<Ready>(
  { defer }: Scope,
  script: string,
  order: object,
): Promise<SimulatorChild<Ready>> {
  const child = fork(script, [JSON.stringify(order)]);
  defer(() => stop(child));
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${basename(script)} ended with ${code}: ${JSON.stringify(order)}`);
  });
  const [ready] = (await Promise.race([once(child, 'message'), ended])) as [Ready];
  ended.catch(() => {});
  return { ready, pid: child.pid ?? 0 };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  if (child.connected) child.disconnect();
  await exited;
  clearTimeout(timer);
}
