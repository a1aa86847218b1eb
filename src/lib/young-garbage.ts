import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * How many bytes may pass through before their buffers are given back. With those on their way it must stay below the
 * 8 MiB of new buffers for which V8 looks through all objects, old ones too: that happened twenty times a second, and cost
 * more than all else that is done with the bytes.
 */
const COLLECT_EVERY_BYTES = 2 * 1024 * 1024;

/**
 * Gives back the buffers of bytes that pass through a process. V8 counts objects, and a buffer of 64 KiB is a small one
 * to it: left alone it keeps tens of MiB of them, the more the faster they come. Looking through the young objects
 * takes a fraction of a millisecond, least when everything that has passed is already let go of.
 *
 * @returns To be told how many bytes have passed, whenever none of their buffers is needed any more
 */
export function createYoungCollector(): (passedBytes: number) => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;
  let uncollectedBytes = 0;
  return (passedBytes) => {
    uncollectedBytes += passedBytes;
    if (uncollectedBytes < COLLECT_EVERY_BYTES) return;
    uncollectedBytes = 0;
    collect({ type: 'minor' });
  };
}
