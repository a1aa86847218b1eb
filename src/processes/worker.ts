import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { readInput } from '../domain/input.ts';
import { trackingIdOf } from '../domain/job.ts';
import { bucketOfPlace } from '../domain/output-address.ts';
import { FIRST_LANE } from '../domain/recipe.ts';
import type { Recording } from '../domain/recording.ts';
import { watchPageOf as pageOf } from '../domain/watching.ts';
import type { Probe } from '../engine/blame.ts';
import { createFlight } from '../engine/flight.ts';
import type { OutputPlaces } from '../engine/ports/output-place.ts';
import type { Publisher } from '../engine/ports/publisher.ts';
import type { Store } from '../engine/ports/store.ts';
import { createRecordingRunner } from '../engine/recording-runner.ts';
import { makeTasks, shapesOf } from '../engine/task-files.ts';
import { createWishes } from '../engine/wishes.ts';
import { claimFiles } from '../errands/claim-files.ts';
import { startClockWatch } from '../errands/clock-watch.ts';
import { createDeliveryRunner } from '../errands/delivery-runner.ts';
import { createDiskWatch } from '../errands/disk-watch.ts';
import { startPruning } from '../errands/history-pruner.ts';
import { startHostPulse } from '../errands/host-pulse.ts';
import { startLateLooks } from '../errands/late-look-runner.ts';
import { startLeftBehind } from '../errands/left-behind.ts';
import { startRenaming } from '../errands/rename-runner.ts';
import { createSweeper, startSweeping } from '../errands/sweeper.ts';
import { createWatchRunner } from '../errands/watch-runner.ts';
import { createDisk } from '../lib/disk.ts';
import { createFfprobe } from '../lib/ffprobe.ts';
import { startLogKeeping } from '../lib/log-files.ts';
import { createMediaGate } from '../lib/media-gate.ts';
import { missingUploadBytes } from '../lib/upload-bytes.ts';
import { readVersion } from '../lib/version.ts';
import { createExecutor } from '../outside/executors.ts';
import { createFfmpeg } from '../outside/ffmpeg/driver.ts';
import { openInputs } from '../outside/inputs.ts';
import { openOutputPlaces } from '../outside/output-places.ts';
import { openPublishers } from '../outside/publishers.ts';
import { openStores } from '../outside/stores.ts';
import { createDownloadHosts } from '../outside/web/download-hosts.ts';
import { createSite } from '../outside/website/client.ts';
import { openWholeLedger, type WholeLedger } from '../outside/whole-ledger.ts';
import { loadZoomAccounts } from '../outside/zoom/accounts.ts';
import { apiOf, createZoomApis } from '../outside/zoom/clients.ts';
import { createZoom } from '../outside/zoom/downloads.ts';
import { createTrashRunner, TRASH_QUEUE, trashableFile } from '../outside/zoom/trash-runner.ts';
import { ZOOM } from '../outside/zoom/words.ts';
import { connectRedis } from '../queue/connection.ts';
import { type JobWorker, startJobWorker } from '../queue/jobs.ts';
import { createLines } from '../queue/lines.ts';
import {
  DELIVERIES_CONCURRENCY,
  DELIVERIES_QUEUE,
  hostQueue,
  laneQueue,
  RECORDINGS_QUEUE,
  RUN_WEBHOOKS_QUEUE,
  turnsAtOnce,
  WATCHES_QUEUE,
} from '../queue/names.ts';
import { createProgressTeller } from '../queue/progress.ts';
import { listenForWishes } from '../queue/wishes.ts';
import { createRecipeBook } from '../recipes/book.ts';
import { createArchiveLooker } from '../tasks/support/archive-doubles.ts';
import { createCompanionPackages } from '../tasks/support/companion-packages.ts';
import { createCompanionVideos } from '../tasks/support/companion-videos.ts';
import { createElsewhere, type Elsewhere } from '../tasks/support/elsewhere.ts';
import { loadTasks } from '../tasks/support/files.ts';
import { createCaptionsLooker } from '../tasks/support/late-captions.ts';
import { createOutputLooker } from '../tasks/support/late-outputs.ts';
import { createPackageCaptionsLooker } from '../tasks/support/late-package-captions.ts';
import { createLatePlayable } from '../tasks/support/late-playable.ts';
import { placeNamed } from '../tasks/support/output-sender.ts';
import { createVideoLooker } from '../tasks/support/own-videos.ts';
import { createScratch } from '../tasks/support/scratch.ts';
import { createSpool } from '../tasks/support/spool.ts';
import type { Tools } from '../tasks/support/tools.ts';
import { openTracing } from '../telemetry/tracing.ts';
import { uploadPaths } from '../tus/upload-paths.ts';
import { composeAlarms } from './alarms.ts';
import { startAppPulse, startAppVitals } from './app-vitals.ts';
import { identifyHost } from './host.ts';
import { createTracedFlight, traceSite } from './traced.ts';

/** Attempts in a row at one part or patch; five upload URLs are what B2 asks for. */
const TRANSFER_ATTEMPTS = 5;

/** How many signs of life a host gives within a lease; and how often one that is alone gives them, in milliseconds. */
const BEATS_PER_LEASE = 5;
const LONE_BEAT_EVERY_MS = 4000;

/** How long a dead worker's announcement or watch stays locked, in milliseconds. */
const SMALL_JOB_LOCK_MS = 10_000;

/**
 * Builds and starts the worker: it moves recordings one at a time, and delivers announcements.
 *
 * @param terms.lookEveryMs How often it looks for what is wanted of what moves, in milliseconds; it hears of it besides.
 */
export async function startWorker(
  config: Config,
  log: Logger,
  terms: { readonly lookEveryMs?: number } = {},
) {
  const accounts = loadZoomAccounts(config.zoom);
  const files = await loadTasks(config.tasksDir);
  const lanes = [...new Set([...files.values()].map(({ shape }) => shape.lane))].filter(
    (lane) => lane !== FIRST_LANE,
  );
  const ledger = await openWholeLedger({
    address: config.ledgerAddress,
    leaseMs: config.line.leaseMs,
    host: await identifyHost(config),
    circuits: config.line.circuits,
  });
  const { recordings } = ledger;
  const workers: JobWorker[] = [];
  const connection = connectRedis(config.redis, log);
  const lines = createLines({
    ledger,
    connection,
    everyMs: config.line.reconcileEveryMs,
    lanes,
    wings: { [TRASH_QUEUE]: (...page) => ledger.zoom.trash.pending(...page) },
    log,
  });
  function onAnnounced(): void {
    lines.deliveries.poke();
    lines.runWebhooks.poke();
  }
  const logs = startLogKeeping({
    folder: join(config.dataDir, 'logs'),
    apps: ['worker', 'redis'],
    ...config.log,
    log,
  });
  const pulse = startAppPulse({
    app: 'worker',
    ledger,
    isWorking: () => workers.every((worker) => worker.isRunning()),
    ...config.vitals,
    log,
  });
  const vitals = startAppVitals({ app: 'worker', ledger, connection, pulse, terms: config.vitals });

  const { idleTimeoutMs, minBytesPerSecond } = config.transfer;
  const retry = { attempts: TRANSFER_ATTEMPTS, pauseMs: config.transfer.retryPauseMs };
  const diskWatch = createDiskWatch(config.dataDir);
  const spool = createSpool(`${config.dataDir}/spool`);
  const disk = createDisk(config.dataDir, config.diskReserveBytes);
  const promisedBytes = () => missingUploadBytes(`${config.dataDir}/uploads`);
  const zoom = createZoom({
    ...config.zoom,
    accounts,
    hosts: createDownloadHosts(config.zoom.downloadHosts),
    idleTimeoutMs,
    minBytesPerSecond,
  });
  const stores = openStores(config, { idleTimeoutMs, minBytesPerSecond });
  const media = createMediaGate(config.media);
  const inputs = openInputs(config, media, { idleTimeoutMs, minBytesPerSecond });
  const publishers = openPublishers(config, { idleTimeoutMs, minBytesPerSecond });
  const outputPlaces = openOutputPlaces(config, { idleTimeoutMs, minBytesPerSecond });
  const { endpoint } = config.traces;
  const tracing =
    endpoint === undefined
      ? undefined
      : await openTracing({ endpoint, service: 'sluice-worker', version: readVersion() });
  const plainSite = createSite(config.site);
  const site = tracing ? traceSite(plainSite, { tracer: tracing, ...ledger }) : plainSite;
  const openFlight = tracing ? createTracedFlight({ tracer: tracing, ...ledger }) : createFlight;
  const { cdnHost, patchBytes, publishGoneAfterMs, poll } = config.bunny;

  const { mode, url: watchUrl } = config.watch;
  const watchPageOf = (id: string) =>
    mode === 'off' || watchUrl === undefined ? undefined : pageOf(watchUrl, id);

  const { planOf } = createRecipeBook({ tasks: shapesOf(files), kept: ledger.plans });
  const companionVideos = createCompanionVideos({ recordings, waitMs: config.zoom.companionWaitMs });
  const companionPackages = createCompanionPackages({ recordings, planOf });
  const scratch = createScratch(`${config.dataDir}/scratch`, { disk, promisedBytes });

  const progress = createProgressTeller({ connection });
  const bell = listenForWishes(connection);
  const wishes = createWishes({ bell, ...terms });
  const host = ledger.hosts.own;
  const elsewhere = openElsewhere(config, { handedOver: ledger.handedOver, log });
  await elsewhere?.tidy();
  const tasks = makeTasks<Tools>(files, {
    host,
    elsewhere,
    zoom,
    inputs,
    stores,
    publishers,
    outputPlaces,
    ledger,
    spool,
    ffprobe: config.media.ffprobe && createFfprobe(config.media.ffprobe),
    ffmpeg: config.media.ffmpeg && createFfmpeg(config.media.ffmpeg),
    disk,
    media,
    promisedBytes,
    scratch,
    companionVideos,
    companionPackages,
    retry,
    settings: {
      fetch: {
        patienceMs: config.zoom.patienceMs + config.zoom.defaults.delayMs,
        backoff: config.line.backoff,
      },
      archive: config.archive,
      publish: { cdnHost, patchBytes, goneAfterMs: publishGoneAfterMs, firstLookMs: poll.minMs, watchPageOf },
      captions: { language: config.zoom.defaults.language },
      marksDir: config.marksDir,
      ladderMostPx: config.ladderMostPx,
    },
    onAdded: () => {
      onAnnounced();
      lines.watches.poke();
    },
    onWoken: (ids) => {
      for (const id of ids) lines.recordings.hurry(id);
    },
  });
  const proving = (ask: Probe['ask']): Probe => ({ ask, provesService: true });
  const probes = new Map<string, Probe>([
    // Its files are served by other hosts than its API.
    [ZOOM.service, { ask: zoom.probe, provesService: false }],
    ...[...stores.values()].map(({ name, probe }) => [name, proving(probe)] as const),
    ...[...publishers.values(), ...outputPlaces.setUp.values()].map(
      ({ service, probe }) => [service, proving(probe)] as const,
    ),
  ]);

  /** A bucket that the caller of a run has named: its circuit has the same name. */
  const bucketNamed = (service: string) =>
    bucketOfPlace(service) === undefined ? undefined : placeNamed(outputPlaces, service);

  function probeElsewhere(service: string): Probe | undefined {
    const ask = bucketNamed(service)?.probe ?? inputs.probeOf(service);
    return ask && proving(ask);
  }

  const flight = openFlight({
    ...ledger,
    tasks,
    planOf,
    probes: (service) => probes.get(service) ?? probeElsewhere(service),
    wishes,
    progress: {
      told(input) {
        pulse.moved();
        progress.told(input);
      },
      rests: progress.rests,
    },
  });

  const announceLate = createLatePlayable({
    ...ledger,
    planOf,
    cdnHost,
    watchPageOf,
    onAdded: onAnnounced,
  });

  const { trashAfter } = config.zoom;

  /** Has what is left of a recording's meeting looked at, now that it has come further. */
  function wakeTrash({ groupKey }: Recording): void {
    if (trashAfter === 'never' || groupKey === null) return;
    lines.wings.get(TRASH_QUEUE)?.poke();
    ledger.zoom.trash
      .wake(groupKey)
      .then((ids) => {
        for (const id of ids) lines.wings.get(TRASH_QUEUE)?.hurry(id);
      })
      .catch((error) => log.warn({ event: 'trash.not-woken', err: error }, 'looked at later'));
  }

  function onWatched(recordingId: string): void {
    recordings
      .get(recordingId)
      .then((recording) => recording && wakeTrash(recording))
      .catch((error) => log.warn({ event: 'trash.not-woken', err: error }, 'looked at later'));
  }

  const lineOf = (lane: string) => lines.lanes.get(lane) ?? lines.recordings;

  const newRunner = (lane: string) =>
    createRecordingRunner({
      ledger,
      flight,
      wishes,
      lane,
      slots: config.line.slots[lane] ?? 1,
      // One at a time in all of what links are short for; of all else each host has processors of its own.
      ...(host === undefined || lane === FIRST_LANE ? {} : { gateLane: hostQueue(lane, host) }),
      onElsewhere: (id) => lineOf(lane).hurry(id),
      backoff: config.line.backoff,
      maxCrashes: config.line.maxCrashes,
      holder: `${host ?? hostname()}:${process.pid}`,
      beforeDone: async (recording) => {
        await announceLate(recording);
        if (trashAfter !== 'never' && trashableFile(recording)) await ledger.zoom.trash.add(recording.id);
      },
      // Nobody can try a job again: what was brought for it is of no use any more.
      onFailed: async (recording) => {
        await scratch.tidy(recording.id);
        if (trackingIdOf(recording) === undefined) return;
        await spool
          .remove(recording.id)
          .catch((err) => log.warn({ event: 'spool.left', err }, 'left for the sweep'));
      },
      onDone(recording) {
        wakeTrash(recording);
        void scratch.tidy(recording.id);
      },
      onHandedOver: (id, next) => lineOf(next).hurry(id),
      onAnnounced,
      onPostponed: diskWatch.met,
      log,
    });

  /** Takes the turns of a lane: those that any host may have, and those that this one alone has. */
  function takeTurns(lane: string): JobWorker[] {
    const queue = lane === FIRST_LANE ? RECORDINGS_QUEUE : laneQueue(lane);
    const run = newRunner(lane);
    return [queue, ...(host === undefined ? [] : [hostQueue(queue, host)])].map((name) =>
      startJobWorker({
        name,
        connection,
        concurrency: turnsAtOnce(lane, { isShared: host !== undefined, slots: config.line.slots }),
        lockMs: config.line.leaseMs,
        process: run,
        log,
      }),
    );
  }

  await claimFiles({
    hosts: ledger.hosts,
    pathOf: async (origin) => {
      if (origin.kind === 'file') return origin.path;
      return origin.kind === 'input' ? await inputs.localPath(readInput(origin.address)) : undefined;
    },
    log,
  });

  workers.push(
    ...[FIRST_LANE, ...lanes].flatMap(takeTurns),
    ...[DELIVERIES_QUEUE, RUN_WEBHOOKS_QUEUE].map((name) =>
      startJobWorker({
        name,
        connection,
        concurrency: DELIVERIES_CONCURRENCY,
        lockMs: SMALL_JOB_LOCK_MS,
        process: createDeliveryRunner({ ledger, site, ...config.site, log }),
        log,
      }),
    ),
    startJobWorker({
      name: WATCHES_QUEUE,
      connection,
      concurrency: 1,
      lockMs: SMALL_JOB_LOCK_MS,
      process: createWatchRunner({
        ledger,
        publishers,
        cdnHost,
        watchPageOf,
        poll,
        timeoutMs: config.bunny.playableTimeoutMs,
        goneAfterMs: config.bunny.goneAfterMs,
        recheckMs: config.bunny.recheckMs,
        onEnded: (recordingId) => {
          onAnnounced();
          onWatched(recordingId);
        },
        log,
      }),
      log,
    }),
  );

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
          stores,
          apiOf: (accountId) => apiOf(apis, accountId),
          after: trashAfter,
          backoff: config.line.backoff,
          log,
        }),
        log,
      }),
    );
  }

  const clockWatch = startClockWatch({ ledger, lines, log });

  const hostPulse = startHostPulse({
    ledger,
    dataDir: config.dataDir,
    everyMs: host === undefined ? LONE_BEAT_EVERY_MS : config.line.leaseMs / BEATS_PER_LEASE,
    // What lay on one that is silent, and not there alone, is for the others now.
    onChanged: lines.reconcile,
    log,
  });

  const leftBehind = startLeftBehind({
    ledger,
    folders: ['spool', 'scratch'].map((name) => join(config.dataDir, name)),
    everyMs: config.line.reconcileEveryMs,
    log,
  });

  const sweeping = startSweeping({
    isClockSettled: () => ledger.wallClock.isSettled(),
    sweeper: composeSweeper(config, {
      ledger,
      stores,
      publishers,
      outputPlaces,
      isFirst: ledger.hosts.isFirst,
      log,
    }),
    everyMs: config.sweep.everyMs,
    log,
  });

  const lateLooks = startLateLooks({
    ledger,
    lookers: [
      ...[...stores.values()].map((store) => createArchiveLooker({ store })),
      ...[...publishers.values()].flatMap((publisher) => [
        createVideoLooker({ publisher }),
        createCaptionsLooker({ publisher, recordings }),
      ]),
      ...[...outputPlaces.setUp.values()].flatMap((place) => [
        createPackageCaptionsLooker({ place, companionPackages, scratch, retry }),
        createOutputLooker({ place, scratch }),
      ]),
    ],
    lookerElsewhere(service) {
      const place = bucketNamed(service);
      return place && createOutputLooker({ place, scratch });
    },
    ...config.lateLooks,
    log,
  });

  const renaming = startRenaming({ ledger, publishers, log });

  const pruning = startPruning({ ...ledger, ...config.history, log });

  const alarms = composeAlarms(config, { ledger, vitals, diskWatch, log });

  return {
    ledger,
    /** Reverse order: stop taking work, let go of what runs, then let go of what it used. */
    async stop() {
      const stopped = workers.map((worker) => worker.stop(config.shutdownTimeoutMs));
      await Promise.all([
        ...stopped,
        clockWatch.stop(),
        hostPulse.stop(),
        leftBehind.stop(),
        sweeping.stop(),
        lateLooks.stop(),
        renaming.stop(),
        pruning.stop(),
        alarms.stop(config.shutdownTimeoutMs),
      ]);
      await Promise.all([pulse.stop(), vitals.stop(), logs.stop()]);
      bell.stop();
      await lines.stop();
      connection.disconnect();
      await tracing?.stop();
      await ledger.close();
    },
  };
}

/** Builds the sweeper of this worker's folders and services. */
/** What has steps done elsewhere, where the settings want that. */
function openElsewhere(
  config: Config,
  at: Pick<WholeLedger, 'handedOver'> & { readonly log: Logger },
): Elsewhere | undefined {
  const { tasks, silenceMs, publicUrl } = config.executor;
  const executor = createExecutor(config, at.handedOver);
  if (executor === undefined || publicUrl === undefined) return undefined;
  const baseUrl = publicUrl.replace(/\/+$/, '');
  return createElsewhere({
    ...at,
    executor,
    tasks,
    baseUrl,
    silenceMs,
    directory: `${config.dataDir}/elsewhere`,
  });
}

function composeSweeper(
  config: Config,
  used: {
    readonly ledger: WholeLedger;
    readonly stores: ReadonlyMap<string, Store>;
    readonly publishers: ReadonlyMap<string, Publisher>;
    readonly outputPlaces: OutputPlaces;
    readonly isFirst?: () => Promise<boolean>;
    readonly log: Logger;
  },
) {
  return createSweeper({
    ...used,
    outputPlaces: used.outputPlaces.setUp,
    ...config.sweep,
    spoolDirectory: `${config.dataDir}/spool`,
    scratchDirectory: `${config.dataDir}/scratch`,
    incoming: uploadPaths(`${config.dataDir}/uploads`, config.tus.incomingDir),
  });
}

/** Builds a sweeper that runs by itself, beside a worker or without one. */
export async function openSweeper(config: Config, log: Logger) {
  const { idleTimeoutMs } = config.transfer;
  const ledger = await openWholeLedger({
    address: config.ledgerAddress,
    leaseMs: config.line.leaseMs,
    host: await identifyHost(config),
  });
  const stores = openStores(config, { idleTimeoutMs });
  const publishers = openPublishers(config, { idleTimeoutMs });
  const outputPlaces = openOutputPlaces(config, { idleTimeoutMs });
  return {
    ...composeSweeper(config, { ledger, stores, publishers, outputPlaces, log }),
    audit: ledger.audit,
    close: () => ledger.close(),
  };
}
