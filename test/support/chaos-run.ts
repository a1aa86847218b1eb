import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach } from 'vitest';

const root = join(import.meta.dirname, '../..');

let child: ChildProcess | undefined;

afterEach(async () => {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}, 60_000);

/** What no run that went well goes without. */
export const NOTHING_FOUND =
  /^chaos: kills [1-9]\d*, faults [1-9]\d*, recordings [1-9]\d*, jobs [1-9]\d*, lost 0, doubled 0, left 0, wrong 0$/m;

/** The same of a run of several hosts. */
export const NOTHING_FOUND_OF_HOSTS =
  /^hosts: kills and cuts [1-9]\d*, recordings [1-9]\d*, runs \d+, jobs [1-9]\d*, lost 0, doubled 0, left 0, wrong 0$/m;

interface Ran {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Runs the script as `npm run chaos` does, once all is built. */
export const runChaos = (args: readonly string[]): Promise<Ran> => runScript('scripts/chaos.ts', args);

/** Runs the script as `npm run hosts` does, once all is built. */
export const runHosts = (args: readonly string[]): Promise<Ran> => runScript('scripts/hosts.ts', args);

async function runScript(script: string, args: readonly string[]): Promise<Ran> {
  const command = [join(root, 'node_modules/tsx/dist/cli.mjs'), join(root, script), ...args];
  child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => chunks.push(text));
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output: chunks.join('') };
}
