import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { openLedger } from '../ledger/ledger.ts';
import type { WaitingItem } from '../ledger/waiting.ts';
import { connectRedis } from '../queue/connection.ts';
import { createIntake } from '../queue/intake.ts';
import { createLine } from '../queue/line.ts';
import { DELIVERIES_CONCURRENCY, DELIVERIES_QUEUE, RECORDINGS_QUEUE, WATCHES_QUEUE } from '../queue/names.ts';
import { createApp } from './app.ts';

/** Builds and starts the pipeline server: the doors. */
export async function startServer(config: Config, log: Logger) {
  const ledger = await openLedger({ path: config.ledgerPath, leaseMs: config.line.leaseMs });
  const connection = connectRedis(config.redis, log);
  const { recordings, deliveries, watches } = ledger;
  const newLine = (
    name: string,
    concurrency: number,
    pending: (afterSeq: number) => Promise<WaitingItem[]>,
  ) => createLine({ name, connection, concurrency, pending, log });
  const line = newLine(RECORDINGS_QUEUE, 1, (afterSeq) => recordings.unfinished(afterSeq));
  const lines = {
    deliveries: newLine(DELIVERIES_QUEUE, DELIVERIES_CONCURRENCY, (afterSeq) => deliveries.pending(afterSeq)),
    watches: newLine(WATCHES_QUEUE, 1, (afterSeq) => watches.pending(afterSeq)),
  };
  const app = createApp({
    ledger,
    intake: createIntake({ recordings, line, log }),
    zoom: { secretToken: config.zoom.webhookSecretToken, toleranceS: config.zoom.timestampToleranceS },
    bunnyReadOnlyApiKey: config.bunny.readOnlyApiKey,
    lines,
    isRedisReady: () => connection.status === 'ready',
    log,
  });
  await app.listen({ host: config.pipeline.host, port: config.pipeline.port });

  return {
    ledger,
    /** Reverse order: no new requests, then what they used. */
    async stop() {
      await app.close();
      await Promise.all([line, lines.deliveries, lines.watches].map((each) => each.stop()));
      connection.disconnect();
      await ledger.close();
    },
  };
}
