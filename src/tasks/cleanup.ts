import type { TaskShape } from '../domain/recipe.ts';
import { type Facts, liesElsewhere } from '../domain/recording.ts';
import type { Task } from '../engine/task.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { lengthOf } from '../lib/files.ts';
import { removeUnchanged } from '../lib/remove-unchanged.ts';
import { isSpooled } from './support/fetched.ts';
import { requireFact } from './support/proofs.ts';
import type { Spool } from './support/spool.ts';
import type { Tools } from './support/tools.ts';

export const shape = {
  name: 'cleanup',
  label: 'Clean up',
  lane: 'upload',
  isAgain: true,
} as const satisfies TaskShape;

export const makeTask = (tools: Tools) => createCleanupTask(tools);

/**
 * Removes the local file: ours always, the caller's own unless it was to be kept.
 *
 * Safe to repeat: what is gone already counts as removed. A caller's file that has changed since it was fetched, or
 * whose folder somebody has led elsewhere, is left alone: what is there now is not in the archive.
 */
export function createCleanupTask({
  spool,
  host,
}: {
  spool: Spool;
  /** Where it runs; unset: there is one host alone. */
  host?: string | undefined;
}): Task<unknown, Facts['cleanup'], never> {
  return {
    ...shape,
    async run(context) {
      const { recording, log } = context;
      const fetched = requireFact(context, 'fetch');
      const { path } = fetched;
      const { origin } = recording;
      if (isSpooled(recording, fetched)) {
        const bytesOnDisk = (await lengthOf(path)) ?? 0;
        await spool.remove(recording.id);
        crashPoint('cleanup:after-removal');
        return { freedBytes: bytesOnDisk };
      }
      // What lies on another host is swept there.
      if (origin.kind !== 'file' || origin.keep || liesElsewhere(recording, host)) return { freedBytes: 0 };
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
