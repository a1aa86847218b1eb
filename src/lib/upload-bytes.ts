import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../domain/errors.ts';
import { namesIn } from './files.ts';

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

/** An upload that is not finished, as its files tell of it. */
export interface UnfinishedUpload {
  readonly aceId: string | undefined;
  readonly filename: string | undefined;
  readonly receivedBytes: number;
  readonly totalBytes: number;
  /** Unknown of one that an older version has begun. */
  readonly beganAtMs: number | undefined;
  readonly lastByteAtMs: number;
}

/** The unfinished uploads in a folder, the one that has had a byte last first. */
export async function unfinishedUploads(folder: string): Promise<UnfinishedUpload[]> {
  const names = new Set(await namesIn(folder));
  const uploads: UnfinishedUpload[] = [];
  for (const name of names) {
    if (!names.has(`${name}.json`)) continue;
    const data = await lstatIfThere(join(folder, name));
    if (data === undefined) continue;
    const { size, metadata, permit } = await readObject(join(folder, `${name}.json`));
    const { ace_id: aceId, filename } = Object(metadata);
    const { beganAtMs } = Object(permit);
    uploads.push({
      aceId: typeof aceId === 'string' ? aceId : undefined,
      filename: typeof filename === 'string' ? filename : undefined,
      receivedBytes: data.size,
      totalBytes: typeof size === 'number' ? size : 0,
      beganAtMs: typeof beganAtMs === 'number' ? beganAtMs : undefined,
      lastByteAtMs: Math.floor(data.mtimeMs),
    });
  }
  return uploads.sort((a, b) => b.lastByteAtMs - a.lastByteAtMs);
}

async function announcedBytes(sidecar: string): Promise<number> {
  const { size } = await readObject(sidecar);
  return typeof size === 'number' ? size : 0;
}

async function readObject(path: string): Promise<Readonly<Partial<Record<string, unknown>>>> {
  try {
    return Object(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    // Taken back a moment ago, or a leftover that nobody can resume.
    if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return {};
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
