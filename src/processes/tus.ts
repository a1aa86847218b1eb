import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { createUploadDesk } from '../desk/uploads.ts';
import { createDisk } from '../lib/disk.ts';
import { listening } from '../lib/listen-failure.ts';
import { startLogKeeping } from '../lib/log-files.ts';
import { createMediaGate } from '../lib/media-gate.ts';
import { missingBytes } from '../lib/upload-bytes.ts';
import { openWholeLedger } from '../outside/whole-ledger.ts';
import { loadRecipes } from '../recipes/load.ts';
import { loadTaskShapes } from '../tasks/support/files.ts';
import { createHandOff } from '../tus/hand-off.ts';
import { createTusServer } from '../tus/tus-server.ts';
import { uploadPaths } from '../tus/upload-paths.ts';
import { startAppPulse } from './app-vitals.ts';
import { identifyHost } from './host.ts';

/** What of the time for stopping is left for closing the ledger, once the requests have ended. */
const CLOSING_MS = 300;

/** Builds and starts the tus server: the door for tutors. */
export async function startTus(config: Config, log: Logger) {
  const { host, port, maxBytes, expiresAfterMs, idleTimeoutMs, tokenSecrets } = config.tus;
  const { names: recipes } = loadRecipes(config.recipesFile, await loadTaskShapes(config.tasksDir));
  const ledger = await openWholeLedger({
    address: config.ledgerAddress,
    leaseMs: config.line.leaseMs,
    host: await identifyHost(config),
  });
  const desk = createUploadDesk(ledger);
  const directory = join(config.dataDir, 'uploads');
  const incomingDirectory = config.tus.incomingDir;
  const paths = uploadPaths(directory, incomingDirectory);
  const { adminToken, isLocalTrusted } = config.operators;
  const handOff = createHandOff({
    paths,
    pipelineUrl: config.pipeline.url,
    ...(isLocalTrusted ? {} : { adminToken }),
    desk,
    log,
  });
  /** What the downloads that have begun still need of the disk. */
  const downloadBytes = async () => {
    const downloads = await ledger.claims.openDownloads();
    return await missingBytes(
      downloads.map(({ recordingId, totalBytes }) => ({
        path: join(config.dataDir, 'spool', recordingId),
        totalBytes,
      })),
    );
  };
  if (tokenSecrets.length === 0) {
    log.warn(
      { event: 'tus.without-tokens' },
      'UPLOAD_TOKEN_SECRET is not set: only callers on this machine may upload',
    );
  }
  const tus = createTusServer({
    tokenSecrets,
    allowedOrigins: config.tus.allowedOrigins,
    limits: config.tus.limits,
    trustsProxy: config.tus.trustsProxy,
    media: createMediaGate(config.media),
    directory,
    incomingDirectory,
    maxBytes,
    disk: createDisk(config.dataDir, config.diskReserveBytes),
    promisedBytes: downloadBytes,
    expiresAfterMs,
    idleTimeoutMs,
    desk,
    recipes,
    handOff,
    hosts:
      ledger.hosts.own === undefined
        ? undefined
        : { own: ledger.hosts.own, addressOf: ledger.hosts.addressOf },
    isClockSettled: () => ledger.wallClock.isSettled(),
    log,
  });
  const address = await listening(tus.start({ host, port }), {
    host,
    port,
    hostSetting: 'TUS_HOST',
    portSetting: 'TUS_PORT',
  });
  const logs = startLogKeeping({
    folder: join(config.dataDir, 'logs'),
    apps: ['tus'],
    ...config.log,
    log,
  });
  /** What is counted here is in the ledger with the next sign of life, and with the end. */
  const tellCounts = async () => {
    const told = tus.counts.list();
    await ledger.tallies.add(told);
    tus.counts.written(told);
  };
  const pulse = startAppPulse({
    app: 'tus',
    ledger,
    connections: tus.counts.connections,
    andThen: tellCounts,
    ...config.vitals,
    log,
  });

  return {
    port: address.port,
    /** Reverse order: no more requests, then no more handoffs, then what they used. */
    async stop() {
      await tus.stop(config.shutdownTimeoutMs - CLOSING_MS);
      await handOff.stop();
      await Promise.all([pulse.stop(), logs.stop()]);
      await tellCounts().catch((err) => log.warn({ event: 'counts.lost', err }, 'some counts are lost'));
      await ledger.close();
    },
  };
}
