import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { startVitals, type VitalsWatch, type VitalTerms } from '../desk/vitals.ts';
import { type App, BEATS_PER_SILENCE } from '../domain/apps.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Pulse, startPulse } from '../lib/pulse.ts';
import { readVersion } from '../lib/version.ts';
import { createRedisProbe } from '../queue/redis-probe.ts';

/**
 * Has a process give its signs of life.
 *
 * @param options.connections How many it has open, where it tells that
 * @param options.andThen What it writes to the ledger besides
 */
export function startAppPulse({
  app,
  ledger,
  isWorking,
  connections,
  andThen,
  silentAfterMs,
  log,
}: {
  readonly app: App;
  readonly ledger: Pick<Ledger, 'heartbeats'>;
  readonly isWorking?: () => boolean;
  readonly connections?: () => number;
  readonly andThen?: () => Promise<void>;
  readonly silentAfterMs: number;
  readonly log: Logger;
}): Pulse {
  const version = readVersion();
  return startPulse({
    async write(moved) {
      const open = connections === undefined ? {} : { connections: connections() };
      await ledger.heartbeats.beat({ app, pid: process.pid, version, moved, ...open });
      await andThen?.();
    },
    ...(isWorking === undefined ? {} : { isWorking }),
    everyMs: silentAfterMs / BEATS_PER_SILENCE,
    log,
  });
}

/** Has a process watch over all of them, and over Redis and the line. */
export function startAppVitals({
  app,
  ledger,
  connection,
  pulse,
  terms,
}: {
  readonly app: App;
  readonly ledger: Ledger;
  readonly connection: Redis;
  readonly pulse: Pulse;
  readonly terms: VitalTerms;
}): VitalsWatch {
  return startVitals({
    ledger,
    redis: createRedisProbe({ connection, app }),
    ledgerTrouble: pulse.trouble,
    terms,
  });
}
