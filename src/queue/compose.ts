import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { createB2 } from '../clients/b2.ts';
import { createBunny } from '../clients/bunny.ts';
import { createDownloadHosts } from '../clients/download-hosts.ts';
import { createSite } from '../clients/site.ts';
import { createZoom } from '../clients/zoom.ts';
import type { Config } from '../config/config.ts';
import { openLedger } from '../ledger/ledger.ts';
import { createArchiveTask } from '../tasks/archive.ts';
import { createCleanupTask } from '../tasks/cleanup.ts';
import { createFetchTask } from '../tasks/fetch.ts';
import { createNotifyTask } from '../tasks/notify.ts';
import { createPipeline } from '../tasks/pipeline.ts';
import { createPublishTask } from '../tasks/publish.ts';
import { createSpool } from '../tasks/spool.ts';
import { connectRedis } from './connection.ts';
import { createDeliveryRunner } from './delivery-runner.ts';
import { startJobWorker } from './jobs.ts';
import { createLine } from './line.ts';
import { DELIVERIES_CONCURRENCY, DELIVERIES_QUEUE, RECORDINGS_QUEUE } from './names.ts';
import { createRecordingRunner } from './recording-runner.ts';

/** Attempts in a row at one part or patch; five upload URLs are what B2 asks for. */
const TRANSFER_ATTEMPTS = 5;

/** Builds and starts the worker: it moves recordings one at a time, and delivers announcements. */
export async function startWorker(config: Config, log: Logger) {
  const ledger = await openLedger({ path: config.ledgerPath, leaseMs: config.line.leaseMs });
  const { recordings, deliveries, gate } = ledger;
  const connection = connectRedis(config.redis, log);
  const everyMs = config.line.reconcileEveryMs;

  const recordingsLine = createLine({
    name: RECORDINGS_QUEUE,
    connection,
    concurrency: 1,
    pending: (afterSeq) => recordings.unfinished(afterSeq),
    everyMs,
    log,
  });
  const deliveriesLine = createLine({
    name: DELIVERIES_QUEUE,
    connection,
    concurrency: DELIVERIES_CONCURRENCY,
    pending: (afterSeq) => deliveries.pending(afterSeq),
    everyMs,
    log,
  });

  const { idleTimeoutMs } = config.transfer;
  const retry = { attempts: TRANSFER_ATTEMPTS, pauseMs: config.transfer.retryPauseMs };
  const spool = createSpool(`${config.dataDir}/spool`);
  const zoom = createZoom({ hosts: createDownloadHosts(config.zoom.downloadHosts), idleTimeoutMs });
  const b2 = createB2({ ...config.b2, idleTimeoutMs });
  const bunny = createBunny({ ...config.bunny, idleTimeoutMs });
  const site = createSite(config.site);

  const pipeline = createPipeline({
    recordings,
    tasks: [
      createFetchTask({ zoom, spool }),
      createArchiveTask({ b2, bucket: config.b2.bucket, partBytes: config.b2.partBytes, retry }),
      createPublishTask({
        bunny,
        libraryId: config.bunny.libraryId,
        patchBytes: config.bunny.patchBytes,
        retry,
        isTaken: (videoId, exceptId) => recordings.isVideoTaken(videoId, exceptId),
      }),
      createNotifyTask({
        deliveries,
        recordings,
        cdnHost: config.bunny.cdnHost,
        onAdded: () => deliveriesLine.poke(),
      }),
      createCleanupTask({ spool }),
    ],
  });

  const recordingWorker = startJobWorker({
    name: RECORDINGS_QUEUE,
    connection,
    concurrency: 1,
    lockMs: config.line.leaseMs,
    process: createRecordingRunner({
      recordings,
      gate,
      pipeline,
      backoff: config.line.backoff,
      holder: `${hostname()}:${process.pid}`,
      log,
    }),
    log,
  });
  const deliveryWorker = startJobWorker({
    name: DELIVERIES_QUEUE,
    connection,
    concurrency: DELIVERIES_CONCURRENCY,
    lockMs: 30_000,
    process: createDeliveryRunner({ deliveries, site, scheduleMs: config.site.scheduleMs, log }),
    log,
  });

  return {
    ledger,
    /** Reverse order: stop taking work, let go of what runs, then let go of what it used. */
    async stop() {
      await Promise.all(
        [recordingWorker, deliveryWorker].map((worker) => worker.stop(config.shutdownTimeoutMs)),
      );
      await Promise.all([recordingsLine.stop(), deliveriesLine.stop()]);
      connection.disconnect();
      await ledger.close();
    },
  };
}
