import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Finding } from './verdict.ts';

/** Of all that is staged only the memory of finished uploads may stay, for clients that ask once more. */
export async function judgeStaging(dataDir: string, uploadIds: ReadonlySet<string>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const folder of ['spool', 'incoming', 'uploads', 'scratch']) {
    const entries = await readdir(join(dataDir, folder), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      const isHarmless =
        entry.isDirectory() || (folder === 'uploads' && (await isTombstone(path, uploadIds)));
      if (isHarmless) continue;
      const { size } = await stat(path);
      findings.push({ kind: 'left', text: `${relative(dataDir, path)} (${size} bytes) is left on the disk` });
    }
  }
  return findings;
}

/**
 * Whether it is the memory of a finished upload, or a creation whose answer a kill has swallowed: the client never
 * heard of that one, made another, and it expires without having held a byte.
 */
async function isTombstone(path: string, uploadIds: ReadonlySet<string>): Promise<boolean> {
  const id = /([0-9a-f]{32}(?:-[a-z0-9-]+)?)(\.json)?$/.exec(path)?.[1];
  if (id === undefined) return false;
  if (!uploadIds.has(id))
    return (await stat(path.replace(/\.json$/, '')).catch(() => ({ size: 0 }))).size === 0;
  if (!path.endsWith('.json')) return false;
  const sidecar: unknown = JSON.parse(await readFile(path, 'utf8'));
  return typeof sidecar === 'object' && sidecar !== null && 'finishedAtMs' in sidecar;
}
