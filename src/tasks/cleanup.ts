import { stat } from 'node:fs/promises';
import { crashPoint } from '../lib/crash-point.ts';
import { lengthOf, removeAll } from '../lib/files.ts';
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
      const bytesOnDisk = (await lengthOf(path)) ?? 0;
      if (origin.kind === 'zoom') {
        await spool.remove(recording.id);
        crashPoint('cleanup:after-removal');
        return { freedBytes: bytesOnDisk };
      }
      if (origin.keep || bytesOnDisk === 0) return { freedBytes: 0 };
      if (Math.trunc((await stat(path)).mtimeMs) !== origin.modifiedAtMs) {
        log.warn({ event: 'cleanup.left', path }, 'file changed since it was fetched, left where it is');
        return { freedBytes: 0 };
      }
      await removeAll(path);
      return { freedBytes: bytesOnDisk };
    },
  };
}
