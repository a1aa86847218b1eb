import { constants } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../../domain/errors.ts';
import { type Finding, fail, ok, skip, warn } from '../../domain/finding.ts';
import { byteSize } from '../../lib/byte-size.ts';
import { statIfThere } from '../../lib/files.ts';
import type { FolderStoreOptions } from './store.ts';

/** A class of an hour and a half in HD, in bytes. */
const TYPICAL_BYTES = 2_000_000_000;

export interface FolderStoreCheckSettings {
  readonly folderStore: Omit<FolderStoreOptions, 'idleTimeoutMs'> | undefined;
  /** What lies on the disk of this folder is no drive of its own. */
  readonly dataDir: string;
}

/** The folder, whether it is the one that it was, and what there is room for; nothing is made for a look. */
export async function checkFolderStore({ folderStore, dataDir }: FolderStoreCheckSettings): Promise<Finding> {
  if (folderStore === undefined) return skip('FOLDER_STORE is not set: recipes cannot archive to a folder');
  const { path, memoryPath, reserveBytes } = folderStore;
  const known = await idOf(memoryPath, path);
  const found = await statIfThere(path);
  if (found === undefined) {
    if (known !== undefined) return fail(`${path} is not there`, 'Mount it, or make it available again.');
    const isMakeable = await mayWrite(await nearest(path));
    return isMakeable
      ? ok(`${path} is made by the first recording that goes there`)
      : fail(
          `${path} is not there, and cannot be made`,
          'Make it, and give it to the user that runs Sluice.',
        );
  }
  if (!found.isDirectory()) return fail(`${path} is no folder`, 'Name a folder in FOLDER_STORE.');
  if (!(await mayWrite(path))) {
    return fail(
      `${path} may not be written to`,
      'Give it to the user that runs Sluice, or mount it writable.',
    );
  }
  const id = await idOf(join(path, '.sluice/store.json'), 'id');
  if (known !== undefined && id !== known) {
    return fail(
      id === undefined
        ? `${path} is empty of what Sluice put there: not mounted?`
        : `${path} is another than before`,
      `Mount the right one; if it is meant to be another, remove ${memoryPath}.`,
    );
  }
  const { bavail, bsize } = await statfs(path);
  const free = `${path}: ${byteSize(bavail * bsize)} free, ${byteSize(reserveBytes)} of it in reserve`;
  const usable = bavail * bsize - reserveBytes;
  if (usable < TYPICAL_BYTES) {
    return (usable <= 0 ? fail : warn)(
      `${free}: no room for a recording of ${byteSize(TYPICAL_BYTES)}`,
      'Free some space there.',
    );
  }
  if (known === undefined && found.dev === (await stat(await nearest(dataDir))).dev) {
    return warn(
      `${free}; it lies on the disk of DATA_DIR`,
      'If it is to be a drive of its own, mount that before the first recording goes there.',
    );
  }
  return ok(
    `${free}: room for ${Math.floor(usable / TYPICAL_BYTES)} recordings of ${byteSize(TYPICAL_BYTES)}`,
  );
}

/** What a JSON file says under a name, if it is there and does. */
async function idOf(path: string, name: string): Promise<string | undefined> {
  try {
    const value: unknown = Reflect.get(Object(JSON.parse(await readFile(path, 'utf8'))), name);
    return typeof value === 'string' ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) !== undefined) return undefined;
    throw error;
  }
}

async function mayWrite(folder: string): Promise<boolean> {
  return await access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** A folder, or the nearest above it that is there. */
async function nearest(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    if (at === dirname(at) || (await statIfThere(at)) !== undefined) return at;
  }
}
