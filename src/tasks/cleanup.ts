import { crashPoint } from '../lib/crash-point.ts';
import { lengthOf } from '../lib/files.ts';
import { removeUnchanged } from '../lib/remove-unchanged.ts';
import { isSpooled } from './source.ts';
import type { Spool } from './spool.ts';
import { requireFact, type Task } from './task.ts';

/**
 * Removes the local file: ours always, the caller's own unless it was to be kept.
 *
 * Safe to repeat: what is gone already counts as removed. A caller's file that has changed since it was fetched, or
 * whose folder somebody has led elsewhere, is left alone: what is there now is not in the archive.
 */
export function createCleanupTask({ spool }: { spool: Spool }): Task<'cleanup'> {
  return {
    stage: 'cleanup',
    async run({ recording, facts, log }) {
      const { path } = requireFact(facts, 'fetch');
      const { origin } = recording;
      if (isSpooled(recording) || origin.kind === 'zoom') {
        const bytesOnDisk = (await lengthOf(path)) ?? 0;
        await spool.remove(recording.id);
        crashPoint('cleanup:after-removal');
        return { freedBytes: bytesOnDisk };
      }
      if (origin.keep) return { freedBytes: 0 };
      const removal = await removeUnchanged(origin);
      if (removal.kind === 'left') {
        log.warn(
          { event: 'cleanup.left', path, err: removal.cause },
          'not the file that was fetched, left where it is',
        );
      }
      return { freedBytes: removal.kind === 'removed' ? origin.bytes : 0 };
    },
  };
}
