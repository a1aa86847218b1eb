import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { createAlarmMail } from '../clients/alarm-mail.ts';
import { createAlarmWebhook } from '../clients/alarm-webhook.ts';
import { type B2, createB2 } from '../clients/b2.ts';
import { type Bunny, createBunny } from '../clients/bunny.ts';
import { createDownloadHosts } from '../clients/download-hosts.ts';
import { createSite } from '../clients/site.ts';
import { createZoom } from '../clients/zoom.ts';
import { apiOf, createZoomApis } from '../clients/zoom-apis.ts';
import type { Config } from '../config/config.ts';
import { loadZoomAccounts } from '../config/zoom-accounts.ts';
import type { Recording } from '../domain/recording.ts';
import { type Ledger, openLedger } from '../ledger/ledger.ts';
import { createDisk, spaceOf } from '../lib/disk.ts';
import { missingUploadBytes } from '../lib/upload-bytes.ts';
import { readVersion } from '../lib/version.ts';
import { createArchiveTask } from '../tasks/archive.ts';
import { createCaptionsTask } from '../tasks/captions.ts';
import { createCleanupTask } from '../tasks/cleanup.ts';
import { createCollections } from '../tasks/collections.ts';
import { createCompanionVideos } from '../tasks/companion-videos.ts';
import { createFetchTask } from '../tasks/fetch.ts';
import { createNotifyTask } from '../tasks/notify.ts';
import { createPipeline } from '../tasks/pipeline.ts';
import { createPublishTask } from '../tasks/publish.ts';
import { createSpool } from '../tasks/spool.ts';
import { openTracing } from '../telemetry/tracing.ts';
import { uploadPaths } from '../tus/upload-paths.ts';
import { createAlarmConditions } from './alarm-conditions.ts';
import { startAlarms } from './alarms.ts';
import { connectRedis } from './connection.ts';
import { createDeliveryRunner } from './delivery-runner.ts';
import { startJobWorker } from './jobs.ts';
import { createLines } from './lines.ts';
import {
  DELIVERIES_CONCURRENCY,
  DELIVERIES_QUEUE,
  RECORDINGS_QUEUE,
  TRASH_QUEUE,
  WATCHES_QUEUE,
} from './names.ts';
import { createProgressTeller } from './progress.ts';
import { createRecordingRunner } from './recording-runner.ts';
import { createSweeper, startSweeping } from './sweeper.ts';
import { createTracedPipeline, traceSite } from './traced.ts';
import { createTrashRunner, trashableFile } from './trash-runner.ts';
import { createWatchRunner } from './watch-runner.ts';

/** Attempts in a row at one part or patch; five upload URLs are what B2 asks for. */
const TRANSFER_ATTEMPTS = 5;

/** How long a dead worker's announcement or watch stays locked, in milliseconds. */
const SMALL_JOB_LOCK_MS = 10_000;

/** Builds and starts the worker: it moves recordings one at a time, and delivers announcements. */
export async function startWorker(config: Config, log: Logger) {
  const accounts = loadZoomAccounts(config.zoom);
  const ledger = await openLedger({
    path: config.ledgerPath,
    leaseMs: config.line.leaseMs,
    circuits: config.line.circuits,
  });
  const { recordings } = ledger;
  const connection = connectRedis(config.redis, log);
  const lines = createLines({ ledger, connection, everyMs: config.line.reconcileEveryMs, log });

  const { idleTimeoutMs } = config.transfer;
  const retry = { attempts: TRANSFER_ATTEMPTS, pauseMs: config.transfer.retryPauseMs };
  const spool = createSpool(`${config.dataDir}/spool`);
  const zoom = createZoom({
    ...config.zoom,
    accounts,
    hosts: createDownloadHosts(config.zoom.downloadHosts),
    idleTimeoutMs,
  });
  const b2 = createB2({ ...config.b2, idleTimeoutMs });
  const bunny = createBunny({ ...config.bunny, idleTimeoutMs });
  const { endpoint } = config.traces;
  const tracing =
    endpoint === undefined
      ? undefined
      : await openTracing({ endpoint, service: 'sluice-worker', version: readVersion() });
  const plainSite = createSite(config.site);
  const site = tracing ? traceSite(plainSite, { tracer: tracing, ...ledger }) : plainSite;
  const openPipeline = tracing ? createTracedPipeline({ tracer: tracing, ...ledger }) : createPipeline;
  const { libraryId, cdnHost, patchBytes, poll } = config.bunny;

  const companionVideos = createCompanionVideos({ recordings, waitMs: config.zoom.companionWaitMs });

  const pipeline = openPipeline({
    ...ledger,
    onProgress: createProgressTeller({ connection }),
    fetch: createFetchTask({
      zoom,
      spool,
      disk: createDisk(config.dataDir, config.diskReserveBytes),
      promisedBytes: () => missingUploadBytes(`${config.dataDir}/uploads`),
      patienceMs: config.zoom.patienceMs + config.zoom.defaults.delayMs,
      backoff: config.line.backoff,
    }),
    uploads: [
      createArchiveTask({ b2, ...config.b2, retry, companions: companionVideos }),
      createPublishTask({
        bunny,
        collections: createCollections({ bunny }),
        libraryId,
        patchBytes,
        retry,
        isTaken: (videoId, exceptId) => recordings.isVideoTaken(videoId, exceptId),
      }),
    ],
    afterwards: [
      createCaptionsTask({
        bunny,
        videos: companionVideos,
        language: config.zoom.defaults.language,
      }),
      createNotifyTask({
        ledger,
        cdnHost,
        firstLookMs: poll.minMs,
        onAdded: () => {
          lines.deliveries.poke();
          lines.watches.poke();
        },
        onWoken: (ids) => {
          for (const id of ids) lines.recordings.hurry(id);
        },
      }),
      createCleanupTask({ spool }),
    ],
  });

  const { trashAfter } = config.zoom;

  /** Has what is left of a recording's meeting looked at, now that it has come further. */
  function wakeTrash({ groupKey }: Recording): void {
    if (trashAfter === 'never' || groupKey === null) return;
    lines.trash.poke();
    ledger.zoomTrash
      .wake(groupKey)
      .then((ids) => ids.forEach(lines.trash.hurry))
      .catch((error) => log.warn({ event: 'trash.not-woken', err: error }, 'looked at later'));
  }

  function onWatched(recordingId: string): void {
    recordings
      .get(recordingId)
      .then((recording) => recording && wakeTrash(recording))
      .catch((error) => log.warn({ event: 'trash.not-woken', err: error }, 'looked at later'));
  }

  const workers = [
    startJobWorker({
      name: RECORDINGS_QUEUE,
      connection,
      concurrency: 1,
      lockMs: config.line.leaseMs,
      process: createRecordingRunner({
        ledger,
        pipeline,
        backoff: config.line.backoff,
        maxCrashes: config.line.maxCrashes,
        holder: `${hostname()}:${process.pid}`,
        beforeDone: async (recording) => {
          if (trashAfter !== 'never' && trashableFile(recording)) await ledger.zoomTrash.add(recording.id);
        },
        onDone: wakeTrash,
        onFailed: () => lines.deliveries.poke(),
        log,
      }),
      log,
    }),
    startJobWorker({
      name: DELIVERIES_QUEUE,
      connection,
      concurrency: DELIVERIES_CONCURRENCY,
      lockMs: SMALL_JOB_LOCK_MS,
      process: createDeliveryRunner({ ledger, site, ...config.site, log }),
      log,
    }),
    startJobWorker({
      name: WATCHES_QUEUE,
      connection,
      concurrency: 1,
      lockMs: SMALL_JOB_LOCK_MS,
      process: createWatchRunner({
        ledger,
        bunny,
        libraryId,
        cdnHost,
        poll,
        timeoutMs: config.bunny.playableTimeoutMs,
        onEnded: (recordingId) => {
          lines.deliveries.poke();
          onWatched(recordingId);
        },
        log,
      }),
      log,
    }),
  ];

  if (trashAfter !== 'never') {
    const apis = createZoomApis({ ...config.zoom, accounts, idleTimeoutMs });
    workers.push(
      startJobWorker({
        name: TRASH_QUEUE,
        connection,
        concurrency: 1,
        lockMs: SMALL_JOB_LOCK_MS,
        process: createTrashRunner({
          ledger,
          b2,
          apiOf: (accountId) => apiOf(apis, accountId),
          after: trashAfter,
          backoff: config.line.backoff,
          log,
        }),
        log,
      }),
    );
  }

  const sweeping = startSweeping({
    sweeper: composeSweeper(config, { ledger, b2, bunny, log }),
    everyMs: config.sweep.everyMs,
    log,
  });

  const alarms = composeAlarms(config, ledger, log);

  return {
    ledger,
    /** Reverse order: stop taking work, let go of what runs, then let go of what it used. */
    async stop() {
      const stopped = workers.map((worker) => worker.stop(config.shutdownTimeoutMs));
      await Promise.all([...stopped, sweeping.stop(), alarms.stop(config.shutdownTimeoutMs)]);
      await lines.stop();
      connection.disconnect();
      await tracing?.stop();
      await ledger.close();
    },
  };
}

/** Builds and starts what tells people of what is wrong. */
function composeAlarms(config: Config, ledger: Ledger, log: Logger) {
  const { webhookUrl, mail, terms, pauseMs, dashboardUrl } = config.alarms;
  return startAlarms({
    ledger,
    conditions: createAlarmConditions({
      ledger,
      terms,
      diskReserveBytes: config.diskReserveBytes,
      freeBytes: async () => (await spaceOf(config.dataDir)).freeBytes,
      siteUrl: config.site.webhookUrl,
    }),
    channels: [
      ...(webhookUrl === undefined ? [] : [createAlarmWebhook({ url: webhookUrl })]),
      ...(mail === undefined ? [] : [createAlarmMail(mail)]),
    ],
    pauseMs,
    dashboardUrl,
    log,
  });
}

/** Builds the sweeper of this worker's folders and services. */
function composeSweeper(
  config: Config,
  used: { readonly ledger: Ledger; readonly b2: B2; readonly bunny: Bunny; readonly log: Logger },
) {
  return createSweeper({
    ...used,
    ...config.sweep,
    spoolDirectory: `${config.dataDir}/spool`,
    incoming: uploadPaths(`${config.dataDir}/uploads`, config.tus.incomingDir),
  });
}

/** Builds a sweeper that runs by itself, beside a worker or without one. */
export async function openSweeper(config: Config, log: Logger) {
  const { idleTimeoutMs } = config.transfer;
  const ledger = await openLedger({ path: config.ledgerPath, leaseMs: config.line.leaseMs });
  const b2 = createB2({ ...config.b2, idleTimeoutMs });
  const bunny = createBunny({ ...config.bunny, idleTimeoutMs });
  return { ...composeSweeper(config, { ledger, b2, bunny, log }), close: () => ledger.close() };
}
