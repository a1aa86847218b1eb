import { unlink } from 'node:fs/promises';
import { isMachineTrouble, KnownError, systemCode } from '../domain/errors.ts';
import { pathBytes } from '../lib/byte-path.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { lengthOf } from '../lib/files.ts';
import { openUnchanged } from '../lib/local-file.ts';
import type { Spool } from './spool.ts';
import { requireFact, type Task } from './task.ts';

/**
 * Removes the local file: ours always, the caller's own unless it was to be kept.
 *
 * Safe to repeat: what is gone already counts as removed. A caller's file that has changed since it was fetched is left
 * alone, for what is in it now is not in the archive.
 */
export function createCleanupTask({ spool }: { spool: Spool }): Task<'cleanup'> {
  return {
    stage: 'cleanup',
    async run({ recording, facts, log }) {
      const { path } = requireFact(facts, 'fetch');
      const { origin } = recording;
      if (origin.kind === 'zoom') {
        const bytesOnDisk = (await lengthOf(path)) ?? 0;
        await spool.remove(recording.id);
        crashPoint('cleanup:after-removal');
        return { freedBytes: bytesOnDisk };
      }
      if (origin.keep) return { freedBytes: 0 };
      try {
        await (await openUnchanged(origin)).close();
      } catch (error) {
        if (!(error instanceof KnownError) || isMachineTrouble(error)) throw error;
        const isGone = ['ENOENT', 'ENOTDIR'].includes(systemCode(error.cause) ?? '');
        if (!isGone)
          log.warn(
            { event: 'cleanup.left', path, err: error },
            'not the file that was fetched, left where it is',
          );
        return { freedBytes: 0 };
      }
      // Not a removal of whatever is there: of a folder in its place nothing goes.
      try {
        await unlink(pathBytes(path));
      } catch (error) {
        // That nobody may write there stays so, however often it is tried.
        if (systemCode(error) !== 'EROFS') throw error;
        log.warn({ event: 'cleanup.left', path, err: error }, 'on a read-only disk, left where it is');
        return { freedBytes: 0 };
      }
      return { freedBytes: origin.bytes };
    },
  };
}
