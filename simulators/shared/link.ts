import { Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** A link of limited speed: everything that passes through it, in either direction, shares its bytes per second. */
export interface Link {
  /** Bytes per second, or `undefined` for no limit. */
  bytesPerSecond: number | undefined;
  /** Waits until `bytes` more may pass. */
  take(bytes: number): Promise<void>;
}

const MAX_BURST_MS = 20;

/** Creates a link. The speed may be changed at any time. */
export function createLink(bytesPerSecond?: number): Link {
  let freeAtMs = 0;

  return {
    bytesPerSecond,
    async take(bytes) {
      if (this.bytesPerSecond === undefined) return;
      const nowMs = performance.now();
      freeAtMs = Math.max(freeAtMs, nowMs - MAX_BURST_MS) + (bytes / this.bytesPerSecond) * 1000;
      if (freeAtMs > nowMs) await sleep(freeAtMs - nowMs);
    },
  };
}

/** A stream that passes bytes on at the speed of all the links given, in steps small enough to look smooth. */
export function throughLinks(links: readonly Link[], stepBytes = 64 * 1024): Transform {
  return new Transform({
    async transform(chunk: Buffer, _encoding, done) {
      try {
        for (let at = 0; at < chunk.length; at += stepBytes) {
          const step = chunk.subarray(at, at + stepBytes);
          for (const link of links) await link.take(step.length);
          this.push(step);
        }
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}
