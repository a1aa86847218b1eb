import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { systemEnvironment } from '../../test/support/processes.ts';
import { BenchFailure } from './bench.ts';

/**
 * Runs a program to its end; what it prints on standard output comes back. The signal ends it with all that it has
 * started.
 *
 * @throws BenchFailure if it is missing or ends with anything but 0
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  signal.throwIfAborted();
  // In a process group of its own, so that a shell's children can be ended with it.
  const child = spawn(program, args, {
    env: { ...systemEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const kill = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  signal.addEventListener('abort', kill, { once: true });
  try {
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const [output, complaints, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    signal.throwIfAborted();
    if (code !== 0) throw new BenchFailure(`${program} ended with ${code}: ${complaints.trim()}`);
    return output;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new BenchFailure(`${program} is missing: install it, or run "node scripts/setup.mjs --bench".`, {
        cause: error,
      });
    }
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
