import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** So long it reads a file of any size, in milliseconds: long enough to be killed in the middle. */
const LASTS_MS = 3000;

export const shape = { name: 'digest', label: 'Digest', lane: 'media', takes: { file: 'proved' } };

/**
 * Says what is in a file that another step has proved, by its SHA-1.
 *
 * Safe to repeat: it only reads.
 */
export function makeTask() {
  return {
    async run({ take, signal }) {
      const file = await take('file');
      const hash = createHash('sha1');
      for await (const chunk of file.read(0, file.totalBytes)) {
        hash.update(chunk);
        await sleep((LASTS_MS * chunk.length) / file.totalBytes, undefined, { signal }).catch(() => {});
        signal.throwIfAborted();
      }
      return { bytes: file.totalBytes, sha1: hash.digest('hex') };
    },
  };
}
