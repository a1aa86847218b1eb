import type { S3Simulator } from '../../simulators/s3/simulator.ts';
import type { Fault } from '../../simulators/shared/faults.ts';
import { startDamage } from './damage.ts';
import { createDice, type Dice } from './dice.ts';
import { pause } from './waiting.ts';

/** How long the service is left alone, how long it is away, and how long its line is slow; in milliseconds. */
const ALONE_MS = [1500, 6000] as const;
const AWAY_MS = [0, 4000] as const;
const SLOW_MS = [2000, 5000] as const;

const SLOW_BYTES_PER_SECOND = [80_000, 300_000] as const;

/** What befalls the S3 that programs have their films in. */
export interface S3Damage {
  /** Requests that were struck, and how often the service died or became slow. */
  count(): number;
  /** Does no more of it; the service is as it was when it resolves. */
  stop(): Promise<void>;
}

/** Strikes its requests, kills it and slows its line again and again, as a seed decides. */
export function startS3Damage(options: {
  readonly s3: S3Simulator;
  readonly seed: number;
  readonly say: (line: string) => void;
}): S3Damage {
  const { s3, say } = options;
  const dice = createDice(options.seed ^ 0x53d);
  const usualBytesPerSecond = s3.link.bytesPerSecond;
  let others = 0;

  async function damage(signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(dice.whole(...ALONE_MS), signal);
      const kind = dice.pick(['faults', 'faults', 'faults', 'dies', 'slow'] as const);
      if (kind === 'faults') {
        for (const fault of throwFaults(dice)) {
          say(`fault of S3: ${JSON.stringify(fault)}`);
          s3.fail(fault);
        }
      } else if (kind === 'dies') {
        const awayMs = dice.whole(...AWAY_MS);
        say(`S3 dies, for ${awayMs} ms`);
        others += 1;
        await s3.kill();
        await pause(awayMs, signal).catch(() => {});
        await s3.start();
      } else {
        const bytesPerSecond = dice.whole(...SLOW_BYTES_PER_SECOND);
        const slowMs = dice.whole(...SLOW_MS);
        say(`S3 takes ${bytesPerSecond} bytes a second, for ${slowMs} ms`);
        others += 1;
        s3.link.bytesPerSecond = bytesPerSecond;
        await pause(slowMs, signal).catch(() => {});
        s3.link.bytesPerSecond = usualBytesPerSecond;
      }
    }
  }

  const { stop } = startDamage(damage);
  return {
    count: () => s3.faults.struck + others,
    async stop() {
      await stop();
      s3.faults.clear();
    },
  };
}

const REQUESTS = ['GET *', 'PUT *', 'PUT *', 'HEAD *', 'DELETE *', 'POST *', '*'] as const;

function throwFaults(dice: Dice): Fault[] {
  return Array.from({ length: dice.whole(1, 3) }, () => throwFault(dice));
}

function throwFault(dice: Dice): Fault {
  const shared = { on: dice.pick(REQUESTS), count: dice.whole(1, 3) };
  switch (dice.pick(['unavailable', 'slow-down', 'before', 'during', 'lost', 'cut', 'stall'] as const)) {
    case 'unavailable':
      return { ...shared, status: dice.pick([500, 502, 503]) };
    case 'slow-down':
      return { ...shared, status: 503, headers: { 'retry-after': '1' } };
    case 'before':
      return { ...shared, drop: 'before-handling' };
    case 'during':
      return { ...shared, drop: 'during-body', cutAfterBytes: dice.whole(1, 100_000) };
    case 'lost':
      return { ...shared, drop: 'after-handling' };
    case 'cut':
      return { ...shared, cutAfterBytes: dice.whole(1, 200_000) };
    case 'stall':
      return { ...shared, count: 1, stall: true };
  }
}
