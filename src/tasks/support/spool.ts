import { join } from 'node:path';
import { orMachineTrouble } from '../../domain/errors.ts';
import { makeFolder, removeAll } from '../../lib/files.ts';

/** The folder on local disk where downloads grow: one sub-folder per recording, gone when it is done. */
export interface Spool {
  /** Where the bytes of a recording lie; its folder exists afterwards. @throws KnownError `DISK_FULL`, `DISK_UNUSABLE` */
  pathFor(recordingId: string): Promise<string>;
  /** The same, whether it exists or not. */
  pathOf(recordingId: string): string;
  remove(recordingId: string): Promise<void>;
}

export function createSpool(directory: string): Spool {
  const folderOf = (recordingId: string) => join(directory, recordingId);
  const pathOf = (recordingId: string) => join(folderOf(recordingId), 'recording');
  return {
    pathOf,
    async pathFor(recordingId) {
      try {
        await makeFolder(folderOf(recordingId));
      } catch (error) {
        throw orMachineTrouble(error);
      }
      return pathOf(recordingId);
    },
    remove: (recordingId) => removeAll(folderOf(recordingId)),
  };
}
