import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Processes, type ProcessName, startProcesses } from '../../test/support/processes.ts';
import { startRedis } from '../../test/support/redis.ts';
import type { Scope } from './scope.ts';

/** The built processes with a Redis and a DATA_DIR of their own; the bench's end stops them and removes the folder. */
export async function startSluice(
  { defer }: Scope,
  environment: Readonly<Record<string, string>>,
  names: readonly ProcessName[] = ['pipeline', 'worker'],
): Promise<Processes> {
  const redis = await startRedis();
  defer(() => redis.stop());
  const sluice = await startProcesses(
    { REDIS_URL: redis.url, DISK_RESERVE_BYTES: '0', ...environment },
    names,
  );
  defer(() => sluice.stop());
  return sluice;
}

/** A temporary folder; the bench's end removes it. */
export async function makeFolder({ defer }: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
