import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * How many bytes may pass through before their buffers are given back. With those on their way it must stay below the
 * 8 MiB of new buffers for which V8 looks through all objects, old ones too: that happened twenty times a second, and cost
 * more than all else that is done with the bytes.
 */
const COLLECT_EVERY_BYTES = 2 * 1024 * 1024;

let collect: ((options: { type: 'minor' }) => void) | undefined;
let uncollectedBytes = 0;

/**
 * To be told of all bytes that pass through this process, best when few of their buffers are still needed: gives those
 * of earlier ones back. V8 counts objects, and a buffer of 64 KiB is a small one to it: left alone it keeps tens of MiB
 * of them, the more the faster they come. To look through the young objects takes a fraction of a millisecond.
 */
export function bytesPassed(bytes: number): void {
  uncollectedBytes += bytes;
  if (uncollectedBytes < COLLECT_EVERY_BYTES) return;
  uncollectedBytes = 0;
  collect ??= exposedCollector();
  collect({ type: 'minor' });
}

/** V8's own, which programs see only if they ask for it. */
function exposedCollector(): (options: { type: 'minor' }) => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
}
