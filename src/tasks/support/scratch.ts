import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { orMachineTrouble } from '../../domain/errors.ts';
import type { PlannedStep } from '../../domain/recipe.ts';
import type { Recording } from '../../domain/recording.ts';
import type { Disk } from '../../lib/disk.ts';
import { makeFolder, namesIn, removeAll } from '../../lib/files.ts';

/** Whose scratch it is. */
export interface ScratchOwner {
  readonly recording: Pick<Recording, 'id'>;
  readonly step: Pick<PlannedStep, 'id'>;
  /** Of the attempt: one that has lost its lease is not to touch what its successor writes. */
  readonly fence: number;
}

/** Where steps write what they make before it is sent, or is the last word: a folder for each attempt of each step. */
export interface Scratch {
  /**
   * Lends an empty folder for as long as the work lasts; what is in it then is gone, however the work ends. What a worker that
   * died has left of earlier attempts goes first, but for the notes: a file that lasts until an attempt succeeds.
   *
   * @param bytes The most that will be in it at once; it waits for room that the reserve of the disk leaves.
   * @throws KnownError `DISK_FULL`, `DISK_UNUSABLE`
   */
  use<T>(
    owner: ScratchOwner,
    bytes: number,
    work: (folder: string, notesPath: string) => Promise<T>,
  ): Promise<T>;
  /** Removes what attempts of a step have left; a second time is harmless. */
  remove(owner: Omit<ScratchOwner, 'fence'>): Promise<void>;
  /** Removes the folders of a recording that has ended in which nothing is. */
  tidy(recordingId: string): Promise<void>;
}

const NOTES = 'notes';

/** @param promisedBytes What others will still write to the disk. */
export function createScratch(
  directory: string,
  { disk, promisedBytes = async () => 0 }: { disk: Disk; promisedBytes?: () => Promise<number> },
): Scratch {
  const folderOf = ({ recording, step }: Omit<ScratchOwner, 'fence'>) =>
    join(directory, recording.id, step.id);

  return {
    async use(owner, bytes, work) {
      const folder = join(folderOf(owner), String(owner.fence));
      await removeAttempts(folderOf(owner));
      await disk.requireBytes(bytes + (await promisedBytes()));
      try {
        await makeFolder(folder);
      } catch (error) {
        throw orMachineTrouble(error);
      }
      try {
        const done = await work(folder, join(folderOf(owner), NOTES));
        await removeAll(folderOf(owner));
        return done;
      } finally {
        await removeAll(folder);
      }
    },
    remove: (owner) => removeAll(folderOf(owner)),
    async tidy(recordingId) {
      const own = join(directory, recordingId);
      // What has something in it stays: somebody may be at work after all.
      for (const name of await namesIn(own).catch(() => [])) await rmdir(join(own, name)).catch(() => {});
      await rmdir(own).catch(() => {});
    },
  };
}

async function removeAttempts(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) if (name !== NOTES) await removeAll(join(folder, name));
}
