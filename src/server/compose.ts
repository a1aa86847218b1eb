import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { loadZoomAccounts } from '../config/zoom-accounts.ts';
import { openLedger } from '../ledger/ledger.ts';
import { readVersion } from '../lib/version.ts';
import { connectRedis } from '../queue/connection.ts';
import { createIntake } from '../queue/intake.ts';
import { createLines } from '../queue/lines.ts';
import { listenForProgress } from '../queue/progress.ts';
import { createZoomIntake } from '../queue/zoom-intake.ts';
import { createApp } from './app.ts';

/** Builds and starts the pipeline server: the doors. */
export async function startServer(config: Config, log: Logger) {
  const accounts = loadZoomAccounts(config.zoom);
  const ledger = await openLedger({
    path: config.ledgerPath,
    leaseMs: config.line.leaseMs,
    leavesTidying: true,
  });
  const connection = connectRedis(config.redis, log);
  const lines = createLines({ ledger, connection, log });
  const intake = createIntake({ recordings: ledger.recordings, line: lines.recordings, log });
  const app = await createApp({
    ledger,
    intake,
    zoom: {
      intake: createZoomIntake({
        intake,
        recordings: ledger.recordings,
        ignored: ledger.zoomIgnored,
        defaults: config.zoom.defaults,
        log,
      }),
      accounts,
      toleranceS: config.zoom.timestampToleranceS,
    },
    bunnyReadOnlyApiKey: config.bunny.readOnlyApiKey,
    lines,
    installation: {
      version: readVersion(),
      dataDir: config.dataDir,
      diskReserveBytes: config.diskReserveBytes,
    },
    operators: config.operators,
    customRoots: config.customRoots,
    isRedisReady: () => connection.status === 'ready',
    listenForProgress: (listener) => listenForProgress(connection, listener),
    log,
  });
  await app.listen({ host: config.pipeline.host, port: config.pipeline.port });

  return {
    ledger,
    /** Reverse order: no new requests, then what they used. */
    async stop() {
      await app.close();
      await lines.stop();
      connection.disconnect();
      await ledger.close();
    },
  };
}
