import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeAll } from '../lib/files.ts';

/** The folder on local disk where downloads grow: one sub-folder per recording, gone when it is done. */
export interface Spool {
  /** Where the bytes of a recording lie; its folder exists afterwards. */
  pathFor(recordingId: string): Promise<string>;
  remove(recordingId: string): Promise<void>;
}

export function createSpool(directory: string): Spool {
  const folderOf = (recordingId: string) => join(directory, recordingId);
  return {
    async pathFor(recordingId) {
      await mkdir(folderOf(recordingId), { recursive: true, mode: 0o700 });
      return join(folderOf(recordingId), 'recording');
    },
    remove: (recordingId) => removeAll(folderOf(recordingId)),
  };
}
