import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

const CONTAINER_ID_LENGTH = 12;

/** What this worker goes by: the id of its container as that is shown to people, else one of its own. */
export function findInstanceId({ cgroupPath = '/proc/self/cgroup' } = {}): string {
  return containerIdIn(readIfThere(cgroupPath)) ?? randomUUID();
}

function containerIdIn(cgroups: string): string | undefined {
  const [first = ''] = cgroups.split('\n');
  const parts = first.split(':');
  if (parts.length !== 3) return undefined;
  const [, id] = parts[2]?.match(/^\/(?:[a-z0-9-]+\/)+([0-9a-f]{12,})$/) ?? [];
  return id?.slice(0, CONTAINER_ID_LENGTH);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
