import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { uptime } from 'node:os';

/** A clock that nobody sets: it only goes forward, one second in a second. */
export interface SteadyClock {
  /** Two processes whose clocks have the same name read the same time. */
  readonly id: string;
  nowMs(): number;
}

/**
 * The time since this machine was started, which all of its processes have in common and which goes on while it sleeps.
 * Where a system does not name its starts, a clock of this process alone.
 */
export function openSteadyClock(): SteadyClock {
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // Containers may have a time of their own.
    return {
      id: `${bootId} ${readlinkSync('/proc/self/ns/time')}`,
      nowMs: () => Math.round(uptime() * 1000),
    };
  } catch {
    return { id: `process ${randomUUID()}`, nowMs: () => Math.round(performance.now()) };
  }
}
