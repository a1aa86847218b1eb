import { readFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { parseEnv } from 'node:util';

/** What the figures were measured on. */
export interface Machine {
  readonly cpus: number;
  readonly model: string;
  readonly memoryMiB: number;
  readonly node: string;
  readonly os: string;
}

export async function describeMachine(): Promise<Machine> {
  const osRelease = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return {
    cpus: cpus().length,
    model: cpus()[0]?.model.trim() ?? 'unknown',
    memoryMiB: Math.round(totalmem() / 1024 / 1024),
    node: process.versions.node,
    os: parseEnv(osRelease)['PRETTY_NAME'] ?? `${process.platform} ${release()}`,
  };
}
