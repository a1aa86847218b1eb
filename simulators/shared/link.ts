import { Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** A link of limited speed: everything that passes through it, in either direction, shares its bytes per second. */
export interface Link {
  /** Bytes per second, or `undefined` for no limit. */
  bytesPerSecond: number | undefined;
  /** Waits until `bytes` more may pass. */
  take(bytes: number): Promise<void>;
}

/** How much of a rest may be made up for afterwards. */
const MAX_BURST_MS = 20;

const HEARTBEAT_MS = 5;
/** A heartbeat that is later than this was held up; timers are never quite exact. */
const HELD_UP_MS = 10;
const HEARTBEATS_AT_REST = 200;

/**
 * Creates a link. The speed may be changed at any time.
 *
 * What a busy machine costs this process, the link makes up for: timers that ring late, and time in which the process
 * did not run at all. Time in which nobody wanted to send is lost but for a short burst, as on a real line.
 */
export function createLink(bytesPerSecond?: number): Link {
  const stalls = createStallClock();
  let freeAtMs: number | undefined;
  /** When bytes last passed, and how far the link was behind its speed then. */
  let last = { atMs: 0, stalledMs: 0, behindMs: 0 };

  return {
    bytesPerSecond,
    async take(bytes) {
      if (this.bytesPerSecond === undefined) return;
      const nowMs = performance.now();
      freeAtMs ??= nowMs;
      const stalledMs = stalls.totalMs(nowMs) - last.stalledMs;
      const restedMs = nowMs - last.atMs - stalledMs;
      const behindMs = Math.min(nowMs - freeAtMs, MAX_BURST_MS);
      const creditMs = restedMs > MAX_BURST_MS ? behindMs : Math.max(last.behindMs + stalledMs, behindMs);
      freeAtMs = Math.max(freeAtMs, nowMs - creditMs) + (bytes / this.bytesPerSecond) * 1000;
      if (freeAtMs > nowMs) await sleep(freeAtMs - nowMs);
      const atMs = performance.now();
      last = { atMs, stalledMs: stalls.totalMs(atMs), behindMs: Math.max(0, atMs - freeAtMs) };
    },
  };
}

/** Counts the time in which this process was held up, as long as it is asked now and then. */
function createStallClock() {
  let heartbeat: NodeJS.Timeout | undefined;
  let beats = 0;
  let lastMs = 0;
  let countedMs = 0;

  function sinceLastMs(nowMs: number): number {
    const heldUpMs = nowMs - lastMs - HEARTBEAT_MS;
    return heldUpMs > HELD_UP_MS ? heldUpMs : 0;
  }

  function beat(): void {
    const nowMs = performance.now();
    countedMs += sinceLastMs(nowMs);
    lastMs = nowMs;
    beats += 1;
    if (beats < HEARTBEATS_AT_REST) return;
    clearInterval(heartbeat);
    heartbeat = undefined;
  }

  return {
    totalMs(nowMs: number): number {
      beats = 0;
      if (heartbeat === undefined) {
        heartbeat = setInterval(beat, HEARTBEAT_MS).unref();
        lastMs = nowMs;
      }
      return countedMs + sinceLastMs(nowMs);
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
