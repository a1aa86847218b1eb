import { mkdir, statfs } from 'node:fs/promises';
import { KnownError } from '../domain/errors.ts';

/** How soon a full disk is looked at again, in milliseconds. */
const FULL_PAUSE_MS = 30_000;

/** The disk that recordings are staged on. */
export interface Disk {
  /** What may still be written before the reserve is touched, in bytes; negative when it already is. */
  usableBytes(): Promise<number>;
  /** @throws KnownError `DISK_FULL`, which waits without costing an attempt. */
  requireBytes(bytes: number): Promise<void>;
}

/** @param reserveBytes What stays free for everything else on this disk. */
export function createDisk(directory: string, reserveBytes: number): Disk {
  async function usableBytes(): Promise<number> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize - reserveBytes;
  }
  return {
    usableBytes,
    async requireBytes(bytes) {
      const usable = await usableBytes();
      if (bytes <= usable) return;
      throw diskFull(
        undefined,
        `${bytes} bytes are needed and ${Math.max(0, usable)} are free above the reserve`,
      );
    },
  };
}

/** The free and the whole space of the disk that a folder lies on, in bytes. */
export async function spaceOf(directory: string): Promise<{ freeBytes: number; totalBytes: number }> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { bavail, blocks, bsize } = await statfs(directory);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** The error for a disk that has no room, found before writing or while writing. */
export function diskFull(cause: unknown, message = 'The disk is full'): KnownError {
  return new KnownError(message, { code: 'DISK_FULL', retry: { waitMs: FULL_PAUSE_MS }, cause });
}
