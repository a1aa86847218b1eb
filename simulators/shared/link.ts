import { Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** A link of limited speed: everything that passes through it, in either direction, shares its bytes per second. */
export interface Link {
  /** Bytes per second, or `undefined` for no limit. */
  bytesPerSecond: number | undefined;
  /** Waits until `bytes` more may pass. */
  take(bytes: number): Promise<void>;
}

/** How much of a rest may be made up for afterwards: what a slow reader or a busy machine has missed. */
const MAX_BURST_MS = 20;

/**
 * Creates a link. The speed may be changed at any time.
 *
 * A timer that rings late, because the machine is busy, costs the link nothing: the next bytes count from when it
 * should have rung. Time in which nobody wanted to send is lost but for a short burst, as on a real line.
 */
export function createLink(bytesPerSecond?: number): Link {
  let freeAtMs: number | undefined;
  /** How late the last sleeper awoke; forgotten when the link rests. */
  let lateMs = 0;
  let activeAtMs = 0;

  return {
    bytesPerSecond,
    async take(bytes) {
      if (this.bytesPerSecond === undefined) return;
      const nowMs = performance.now();
      if (nowMs - activeAtMs > MAX_BURST_MS) lateMs = 0;
      const creditMs = lateMs + Math.min(nowMs - activeAtMs, MAX_BURST_MS);
      const fromMs = freeAtMs === undefined ? nowMs : Math.max(freeAtMs, nowMs - creditMs);
      const dueAtMs = fromMs + (bytes / this.bytesPerSecond) * 1000;
      freeAtMs = dueAtMs;
      if (dueAtMs > nowMs) {
        await sleep(dueAtMs - nowMs);
        lateMs = Math.max(0, performance.now() - dueAtMs);
      }
      activeAtMs = performance.now();
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
