import { randomBytes } from 'node:crypto';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { KnownError, orMachineTrouble } from '../domain/errors.ts';
import { makeFolder } from './files.ts';

/** How soon a full disk is looked at again, in milliseconds. */
const FULL_PAUSE_MS = 30_000;

/** With fewer free inodes a disk counts as full: each recording needs some, for its folder, its notes and the ledger. */
const SPARE_INODES = 64;

/** How much is written to see whether a disk takes it, in bytes. */
const PROBE_BYTES = 4096;

/** The disk that recordings are staged on. */
export interface Disk {
  /** What may still be written before the reserve is touched, in bytes; negative when it already is. */
  usableBytes(): Promise<number>;
  /** @throws KnownError `DISK_FULL`, which waits without costing an attempt. */
  requireBytes(bytes: number): Promise<void>;
}

/** @param reserveBytes What stays free for everything else on this disk. */
export function createDisk(directory: string, reserveBytes: number): Disk {
  async function room(): Promise<{ usable: number; hasInodes: boolean }> {
    const { freeBytes, hasInodes } = await spaceOf(directory);
    return { usable: freeBytes - reserveBytes, hasInodes };
  }
  return {
    async usableBytes() {
      const { usable, hasInodes } = await room();
      return hasInodes ? usable : Math.min(usable, -1);
    },
    async requireBytes(bytes) {
      const { usable, hasInodes } = await room();
      if (!hasInodes) throw diskFull(undefined, 'No inode is free for another file');
      if (bytes <= usable) return;
      throw diskFull(
        undefined,
        `${bytes} bytes are needed and ${Math.max(0, usable)} are free above the reserve`,
      );
    },
  };
}

/** The free and the whole space of the disk that a folder lies on, in bytes, and whether it has room for more files. */
export async function spaceOf(
  directory: string,
): Promise<{ freeBytes: number; totalBytes: number; hasInodes: boolean }> {
  try {
    await makeFolder(directory);
    const { bavail, blocks, bsize, files, ffree } = await statfs(directory);
    // A file system that makes inodes as it needs them tells of none.
    const hasInodes = files === 0 || ffree >= SPARE_INODES;
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, hasInodes };
  } catch (error) {
    throw orMachineTrouble(error);
  }
}

/**
 * Writes a little to the disk and takes it away again: what no count of free bytes tells (a quota, a disk that is
 * read-only or broken) it does.
 *
 * @throws KnownError `DISK_FULL` or `DISK_UNUSABLE`
 */
export async function probeDisk(directory: string): Promise<void> {
  const path = join(directory, `.probe-${process.pid}`);
  try {
    await makeFolder(directory);
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(randomBytes(PROBE_BYTES));
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw orMachineTrouble(error);
  } finally {
    await rm(path, { force: true }).catch(() => {});
  }
}

/** The error for a disk that has no room, found before writing or while writing. */
export function diskFull(cause: unknown, message = 'The disk is full'): KnownError {
  return new KnownError(message, { code: 'DISK_FULL', retry: { waitMs: FULL_PAUSE_MS }, cause });
}
