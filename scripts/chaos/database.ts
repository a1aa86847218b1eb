import type { TestPostgres } from '../../test/support/postgres.ts';
import { startDamage } from './damage.ts';
import { createDice } from './dice.ts';
import { pause } from './waiting.ts';

/** How long the database is left alone, and how long it is away; in milliseconds. */
const UP_MS = [6000, 20_000] as const;
const AWAY_MS = [0, 4000] as const;

/** What befalls the database that holds the ledger. */
export interface DatabaseDamage {
  /** How often all of its processes were killed at once. */
  kills(): number;
  /** Does no more of it; the database is there when it resolves. */
  stop(): Promise<void>;
}

/** Kills the database again and again, at times that a seed decides, and starts it again. */
export function startDatabaseDamage(options: {
  readonly server: TestPostgres;
  readonly seed: number;
  readonly say: (line: string) => void;
}): DatabaseDamage {
  const { server, say } = options;
  const dice = createDice(options.seed);
  let kills = 0;

  async function damage(signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(dice.whole(...UP_MS), signal);
      const awayMs = dice.whole(...AWAY_MS);
      say(`kill the database, for ${awayMs} ms`);
      kills += 1;
      await server.kill();
      await pause(awayMs, signal).catch(() => {});
      await server.start();
    }
  }

  const { stop } = startDamage(damage);
  return {
    kills: () => kills,
    stop,
  };
}
