import { readFile } from 'node:fs/promises';

/** When a run has come no further for too long, in seconds. */
export interface StallTerms {
  /** It has made nothing more, and has not worked either. */
  readonly idleS: number;
  /** It works, and makes nothing more. */
  readonly workingS: number;
}

export interface WatchOptions {
  /** How much of the output there is, in seconds. */
  readonly outTimeS: () => number;
  readonly stall: StallTerms;
  readonly everyMs: number;
  readonly onStalled: (forS: number) => void;
  readonly onMemory: (rssBytes: number) => void;
}

/** Of one core, in the time between two looks: whoever works less is idle. */
const LEAST_WORK = 0.02;

/** How often the kernel counts, on every Linux that Node runs on. */
const TICKS_PER_S = 100;

/**
 * Looks at a process again and again. It counts the looks and not the clock, for a machine that slept has not watched; and
 * from the start on, for whoever waits for its input has said nothing yet.
 */
export function watchProcess(pid: number | undefined, options: WatchOptions) {
  const { outTimeS, stall, everyMs, onStalled, onMemory } = options;
  let seen = { cpuS: 0, peakRssBytes: 0 };
  let furthestS = outTimeS();
  let looksWithoutOutput = 0;
  let looksIdle = 0;
  let isLooking = false;

  async function look(): Promise<void> {
    const now = pid === undefined ? undefined : await usageOf(pid);
    const workedS = (now?.cpuS ?? seen.cpuS) - seen.cpuS;
    if (now !== undefined) {
      seen = { cpuS: now.cpuS, peakRssBytes: Math.max(now.peakRssBytes, seen.peakRssBytes) };
      onMemory(now.rssBytes);
    }
    const hasMadeMore = outTimeS() > furthestS;
    furthestS = outTimeS();
    looksWithoutOutput = hasMadeMore ? 0 : looksWithoutOutput + 1;
    looksIdle = hasMadeMore || workedS * 1000 > LEAST_WORK * everyMs ? 0 : looksIdle + 1;
    const looksIn = (seconds: number) => (seconds * 1000) / everyMs;
    if (looksIdle >= looksIn(stall.idleS) || looksWithoutOutput >= looksIn(stall.workingS)) {
      onStalled(Math.round((looksWithoutOutput * everyMs) / 1000));
    }
  }

  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    void look().finally(() => {
      isLooking = false;
    });
  }, everyMs);

  return {
    /** What it had cost when it was last looked at. */
    seen: () => seen,
    stop: () => clearInterval(timer),
  };
}

/** What a process and its threads use, where the system says so; `undefined` once it is gone. */
async function usageOf(
  pid: number,
): Promise<{ cpuS: number; rssBytes: number; peakRssBytes: number } | undefined> {
  try {
    const [stat, status] = await Promise.all(
      ['stat', 'status'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
    );
    // Its name stands in brackets, and may hold anything.
    const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
    const kib = (name: string) =>
      Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status ?? '')?.[1] ?? 0);
    return {
      cpuS: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S,
      rssBytes: kib('VmRSS') * 1024,
      peakRssBytes: kib('VmHWM') * 1024,
    };
  } catch {
    return undefined;
  }
}
