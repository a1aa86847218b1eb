import type { Dirent, Stats } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../domain/errors.ts';

/** The step in which files are read: fewer and larger reads cost less, and 1 MiB is where that stops paying. */
export const READ_STEP_BYTES = 1024 * 1024;

/** What the system knows of the file or folder at a path, or `undefined` if there is none. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file's length in bytes, or `undefined` if there is none. */
export async function lengthOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** What is in a folder; nothing, if there is no such folder. */
export async function entriesIn(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The names of all that is in a folder; none, if there is no such folder. */
export async function namesIn(path: string): Promise<string[]> {
  return (await entriesIn(path)).map(({ name }) => name);
}

/** Makes a file's bytes survive a power cut. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the names in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes a folder and those above it, if they are not there, for this user only. Node's own way of doing so says of a
 * disk without inodes that the folder above is missing.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await makeFolder(path);
  }
}

/** Writes a small file so that after a crash there is either the old one or the new one, whole. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // On a full disk the half that was written is in the way of others.
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Removes a file or folder; a second time is harmless. */
export async function removeAll(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/** Whether two files hold the same bytes; one that cannot be read holds no other's. */
export async function haveSameBytes(one: string, other: string, signal: AbortSignal): Promise<boolean> {
  const opened: FileHandle[] = [];
  try {
    for (const path of [one, other]) opened.push(await open(path, 'r'));
    const [a, b] = opened as [FileHandle, FileHandle];
    if ((await a.stat()).size !== (await b.stat()).size) return false;
    const [left, right] = [Buffer.allocUnsafe(READ_STEP_BYTES), Buffer.allocUnsafe(READ_STEP_BYTES)];
    for (let at = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead } = await a.read(left, 0, READ_STEP_BYTES, at);
      const { bytesRead: asMany } = await b.read(right, 0, READ_STEP_BYTES, at);
      if (bytesRead !== asMany || left.compare(right, 0, asMany, 0, bytesRead) !== 0) return false;
      if (bytesRead === 0) return true;
      at += bytesRead;
    }
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false;
  } finally {
    await Promise.all(opened.map((handle) => handle.close()));
  }
}

/** Writes all of a chunk: a disk that is nearly full takes a part of what it is given, and says so the next time. */
export async function writeAll(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}
