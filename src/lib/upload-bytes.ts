import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../domain/errors.ts';

/** After so long without a byte no room is kept for an upload any more; whoever comes back for it takes what there is. */
const RESTING_AFTER_MS = 24 * 3_600_000;

/** What is on the disk at a path, in bytes: a file's length or that of all files below a folder; 0 if nothing is there. */
export async function bytesAt(path: string): Promise<number> {
  const found = await lstatIfThere(path);
  if (found === undefined || !found.isDirectory()) return found?.size ?? 0;
  let bytes = 0;
  for (const name of await namesIn(path)) bytes += await bytesAt(join(path, name));
  return bytes;
}

/** What still has to be written until each of these files, or folders of one file, has its length, in bytes. */
export async function missingBytes(
  files: Iterable<{ readonly path: string; readonly totalBytes: number }>,
): Promise<number> {
  let missing = 0;
  for (const { path, totalBytes } of files) missing += Math.max(0, totalBytes - (await bytesAt(path)));
  return missing;
}

/**
 * What the unfinished uploads in a folder still have to receive, in bytes: each is a file beside a `.json` that tells
 * its `size`. Ask for it before asking for the free space: what arrives between the two then counts twice, not never.
 */
export async function missingUploadBytes(folder: string, nowMs = Date.now()): Promise<number> {
  const names = new Set(await namesIn(folder));
  const uploads: { path: string; totalBytes: number }[] = [];
  for (const name of names) {
    if (!names.has(`${name}.json`)) continue;
    const path = join(folder, name);
    const data = await lstatIfThere(path);
    if (data === undefined || nowMs - data.mtimeMs > RESTING_AFTER_MS) continue;
    uploads.push({ path, totalBytes: await announcedBytes(`${path}.json`) });
  }
  return await missingBytes(uploads);
}

/** How many uploads in a folder are unfinished: of a finished one only the `.json` stays. */
export async function countUploads(folder: string): Promise<number> {
  const names = new Set(await namesIn(folder));
  return [...names].filter((name) => names.has(`${name}.json`)).length;
}

async function announcedBytes(sidecar: string): Promise<number> {
  try {
    const { size }: { size?: unknown } = Object(JSON.parse(await readFile(sidecar, 'utf8')));
    return typeof size === 'number' ? size : 0;
  } catch (error) {
    // Taken back a moment ago, or a leftover that nobody can resume.
    if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return 0;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function lstatIfThere(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
