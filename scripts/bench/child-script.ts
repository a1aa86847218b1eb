import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Scope } from './scope.ts';

/** A script of the benches in a process of its own, which answers every message with one. */
export interface ChildScript {
  readonly pid: number;
  /** Sends a message and waits for its answer. */
  ask<Answer>(message: object): Promise<Answer>;
}

/** Starts a script beside this one; the end of the scope ends it. */
export function startChildScript({ defer }: Scope, path: string): ChildScript {
  // With the memory settings of ecosystem.config.js.
  const child: ChildProcess = fork(path, {
    execArgv: [...process.execArgv, '--max-semi-space-size=4'],
    env: { ...process.env, MALLOC_ARENA_MAX: '2' },
  });
  const ended = once(child, 'exit').then(() => ({ failed: 'it has ended' }));
  defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    pid: child.pid ?? 0,
    async ask<Answer>(message: object) {
      const answered = once(child, 'message').then(([answer]) => answer as { readonly failed?: string });
      child.send(message);
      const answer = await Promise.race([answered, ended]);
      if (answer.failed !== undefined) throw new Error(`${path}: ${answer.failed}`);
      return answer as Answer;
    },
  };
}

/** The other side: answers each message, until the bench lets go. */
export function serveMessages<Message>(handle: (message: Message) => Promise<object>): void {
  process.on('message', (message) => {
    handle(message as Message).then(
      (answer) => process.send?.(answer),
      (error: unknown) => process.send?.({ failed: error instanceof Error ? error.stack : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit());
  // A terminal's Ctrl-C reaches the whole group; the parent decides when this process ends.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
}
