import { type ErrorSummary, isMachineTrouble, summarize } from '../domain/errors.ts';
import { diskFull, probeDisk, spaceOf } from '../lib/disk.ts';

/** How often something is written to see whether the disk takes it, in milliseconds. */
const PROBE_EVERY_MS = 30_000;

/** For how long a trouble that somebody has met counts, in milliseconds: longer than it takes to be met again. */
const TROUBLE_COUNTS_MS = 90_000;

/** Whether the disk of recordings takes what is written to it. */
export interface DiskWatch {
  freeBytes(): Promise<number>;
  /** Somebody has met this while moving a recording; what does not speak of the disk is left out. */
  met(error: unknown): void;
  /** What is wrong with it; `undefined` if it is well. */
  trouble(): Promise<ErrorSummary | undefined>;
}

/**
 * Free bytes are not all: a disk may be out of inodes, over a quota, read-only or broken. So something is written to it
 * now and then, and what recordings meet counts for a while.
 */
export function createDiskWatch(directory: string): DiskWatch {
  let lastMet: { readonly summary: ErrorSummary; readonly atMs: number } | undefined;
  let probed: { readonly summary: ErrorSummary | undefined; readonly atMs: number } | undefined;

  async function probe(): Promise<ErrorSummary | undefined> {
    try {
      if (!(await spaceOf(directory)).hasInodes)
        throw diskFull(undefined, 'No inode is free for another file');
      await probeDisk(directory);
      return undefined;
    } catch (error) {
      if (!isMachineTrouble(error)) throw error;
      return summarize(error);
    }
  }

  return {
    freeBytes: async () => (await spaceOf(directory)).freeBytes,

    met(error) {
      if (isMachineTrouble(error) && error.code !== 'LEDGER_BUSY') {
        lastMet = { summary: summarize(error), atMs: performance.now() };
      }
    },

    async trouble() {
      const nowMs = performance.now();
      if (probed === undefined || nowMs - probed.atMs >= PROBE_EVERY_MS || probed.summary !== undefined) {
        probed = { summary: await probe(), atMs: nowMs };
      }
      if (probed.summary !== undefined) return probed.summary;
      return lastMet !== undefined && nowMs - lastMet.atMs < TROUBLE_COUNTS_MS ? lastMet.summary : undefined;
    },
  };
}
