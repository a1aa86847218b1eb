import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { createDesk } from '../desk/desk.ts';
import { createIntake } from '../desk/intake.ts';
import { createMeasurements } from '../desk/measurements.ts';
import { FIRST_LANE, type TaskShapes } from '../domain/recipe.ts';
import { graphqlRoutes } from '../graphql/routes.ts';
import { createServices } from '../grpc/handler.ts';
import { grpcWeb } from '../grpc/web.ts';
import { DURATION_BOUNDS_S } from '../ledger/tallies.ts';
import { startRepeating } from '../lib/abort.ts';
import { listening } from '../lib/listen-failure.ts';
import { startLogKeeping } from '../lib/log-files.ts';
import { createMediaGate } from '../lib/media-gate.ts';
import { readVersion } from '../lib/version.ts';
import { bunnyRoutes } from '../outside/bunny/routes/webhook.ts';
import { openInputs } from '../outside/inputs.ts';
import { openOutputPlaces } from '../outside/output-places.ts';
import { placesOf, servicesOf } from '../outside/places.ts';
import { openWholeLedger } from '../outside/whole-ledger.ts';
import { WORDS } from '../outside/words.ts';
import { requireRulesKnow } from '../outside/zoom/account.ts';
import { loadZoomAccounts } from '../outside/zoom/accounts.ts';
import { createZoomCatchUp } from '../outside/zoom/catch-up.ts';
import { createZoomCheckCounter } from '../outside/zoom/check-counter.ts';
import { createZoomApis } from '../outside/zoom/clients.ts';
import { createZoomIntake } from '../outside/zoom/intake.ts';
import { zoomRoutes } from '../outside/zoom/routes/routes.ts';
import { createZoomSearch } from '../outside/zoom/search.ts';
import { startZoomSweep } from '../outside/zoom/sweep.ts';
import { ZOOM_CHECK_OUTCOMES } from '../outside/zoom/tables/checks.ts';
import { ZOOM } from '../outside/zoom/words.ts';
import { connectRedis } from '../queue/connection.ts';
import { createLines } from '../queue/lines.ts';
import { listenForProgress } from '../queue/progress.ts';
import { createWishTeller } from '../queue/wishes.ts';
import { createRecipeBook, type RecipeBook } from '../recipes/book.ts';
import { loadRecipes } from '../recipes/load.ts';
import { createApp } from '../server/app.ts';
import { statusOf } from '../server/problem.ts';
import { loadTaskShapes } from '../tasks/support/files.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { openTracing } from '../telemetry/tracing.ts';
import { composeAlarms } from './alarms.ts';
import { startAppPulse, startAppVitals } from './app-vitals.ts';
import { startGrpc } from './grpc.ts';
import { identifyHost } from './host.ts';
import { traceIntake } from './traced.ts';

/** How often it is looked whether a bringing was interrupted, in milliseconds; at first at the start. */
const BRING_EVERY_MS = 60_000;

/** Builds and starts the pipeline server: the doors. */
export async function startServer(config: Config, log: Logger) {
  const accounts = loadZoomAccounts(config.zoom);
  const tasks = await loadTaskShapes(config.tasksDir);
  const places = placesOf(config);
  const written = loadRecipes(config.recipesFile, tasks, places);
  requireRulesKnow(accounts, written.names);
  const ledger = await openWholeLedger({
    address: config.ledgerAddress,
    leaseMs: config.line.leaseMs,
    host: await identifyHost(config),
    leavesTidying: true,
  });
  const connection = connectRedis(config.redis, log);
  const lines = createLines({ ledger, connection, lanes: lanesOf(tasks), log });
  const installation = {
    version: readVersion(),
    dataDir: config.dataDir,
    diskReserveBytes: config.diskReserveBytes,
    serviceNames: [ZOOM.service, ...servicesOf(config)],
  };
  const logs = startLogKeeping({
    folder: join(config.dataDir, 'logs'),
    apps: ['pipeline'],
    ...config.log,
    log,
  });
  const pulse = startAppPulse({ app: 'pipeline', ledger, ...config.vitals, log });
  const vitals = startAppVitals({ app: 'pipeline', ledger, connection, pulse, terms: config.vitals });
  const zoomChecks = createZoomCheckCounter({ checks: ledger.zoom.checks, log });
  const measurements = createMeasurements({ ledger, ...installation, vitals, log });
  const { endpoint } = config.traces;
  const tracing =
    endpoint === undefined
      ? undefined
      : await openTracing({ endpoint, service: 'sluice-pipeline', version: installation.version });
  const book = createRecipeBook({ tasks, ...written, kept: ledger.plans });
  const plainIntake = createIntake({
    ...{ recordings: ledger.recordings, book, log },
    ...{ line: lines.recordings, lanes: lines.lanes },
  });
  const intake = tracing === undefined ? plainIntake : traceIntake(plainIntake, tracing);
  const zoomIntake = createZoomIntake({
    intake,
    recordings: ledger.recordings,
    ignored: ledger.zoom.ignored,
    locks: ledger.locks,
    defaults: config.zoom.defaults,
    log,
  });
  const apis = createZoomApis({ ...config.zoom, accounts, idleTimeoutMs: config.transfer.idleTimeoutMs });
  const catchUp = createZoomCatchUp({
    search: createZoomSearch({ apis }),
    intake: zoomIntake,
    ignored: ledger.zoom.ignored,
    log,
  });
  const media = createMediaGate(config.media);
  const desk = createDesk({
    ledger,
    intake,
    recipes: { book, tasks, places },
    lines,
    onAsked: createWishTeller(connection),
    words: WORDS,
    inputs: openInputs(config, media, config.transfer),
    files: {
      customRoots: config.customRoots,
      media,
      incoming: config.tus.incomingDir,
    },
    installation,
    vitals,
    silentAfterMs: config.vitals.silentAfterMs,
    watchUrl: config.tus.watchUrl,
    outputPlaces: openOutputPlaces(config, { idleTimeoutMs: config.transfer.idleTimeoutMs }),
    log,
  });
  const progress = listenForProgress(connection, desk.progress.told);
  const services = createServices({
    jobs: desk.jobs,
    pieces: desk.pieces,
    buckets: config.grpc?.buckets ?? { input: undefined, output: undefined },
    log,
  });
  const app = await createApp({
    desk,
    wings: [
      zoomRoutes({
        door: {
          intake: zoomIntake,
          losses: ledger.zoom.losses,
          hurry: lines.recordings.hurry,
          accounts,
          toleranceS: config.zoom.timestampToleranceS,
          onChecked: zoomChecks.count,
        },
        ignored: ledger.zoom.ignored,
        catchUp,
      }),
      grpcWeb(services),
      bunnyRoutes({
        lookAtVideo: desk.control.lookAtVideo,
        readOnlyApiKey: config.bunny.readOnlyApiKey,
      }),
      graphqlRoutes({
        library: desk.library,
        players: desk.players,
        query: desk.query,
        presets: desk.control.presets,
        version: installation.version,
        statusOf,
      }),
    ],
    version: installation.version,
    operators: config.operators,
    metrics: createMetrics({
      read: measurements.read,
      version: installation.version,
      durationBounds: DURATION_BOUNDS_S,
      alarmKinds: WORDS.alarmKinds,
      zoomOutcomes: ZOOM_CHECK_OUTCOMES,
      services: installation.serviceNames,
      ...measuredSteps(book, tasks),
    }),
    watch: config.watch,
    pages: {
      uploadUrl: config.tus.publicUrl,
      tusPort: config.tus.port,
      maxUploadBytes: config.tus.maxBytes,
      isMediaOnly: config.media.allowed.length === 0,
    },
    log,
  });
  const { host, port } = config.pipeline;
  await listening(app.listen({ host, port }), {
    host,
    port,
    hostSetting: 'PIPELINE_HOST',
    portSetting: 'PIPELINE_PORT',
  });
  const grpc = await startGrpc(config.grpc, { services, gate: app.doorkeeper, log });

  const { sweep } = config.zoom;
  const askable = apis.map(({ account }) => account);
  // In this process, beside the door: of what both bring at once one is taken.
  const sweeping =
    sweep === undefined
      ? undefined
      : startZoomSweep({
          catchUp,
          accounts: askable,
          ...sweep,
          isFirst: ledger.hosts.isFirst,
          log,
        });

  const bringing = startRepeating(
    (signal) =>
      catchUp
        .bringWanted(signal)
        .catch((err) =>
          log.warn({ event: 'zoom.not-brought', err }, 'what is wanted of Zoom is looked at later'),
        ),
    BRING_EVERY_MS,
  );

  // The worker tells of what is wrong; that it is not there itself, and all else meanwhile, is told from here.
  const alarms = composeAlarms(config, { ledger, vitals, isOnDuty: vitals.isWorkerSilent, log });

  return {
    ledger,
    /** Reverse order: no new requests, then what they used. */
    async stop() {
      await Promise.all([
        grpc?.stop(),
        app.close(),
        sweeping?.stop(),
        bringing.stop(),
        alarms.stop(config.shutdownTimeoutMs),
      ]);
      progress.stop();
      await Promise.all([pulse.stop(), vitals.stop(), logs.stop()]);
      await zoomChecks.stop();
      await measurements.stop();
      await tracing?.stop();
      await lines.stop();
      connection.disconnect();
      await ledger.close();
    },
  };
}

/** The lanes beside the first, in which recordings may be hurried. */
function lanesOf(tasks: TaskShapes): string[] {
  const lanes = new Set([...tasks.values()].map(({ lane }) => lane));
  return [...lanes].filter((lane) => lane !== FIRST_LANE);
}

/** The steps of all recipes, by their ids; and those of them that move bytes. */
function measuredSteps(book: RecipeBook, tasks: TaskShapes): { stages: string[]; legs: string[] } {
  const steps = book.recipes.flatMap(({ name }) => book.require(name).steps);
  const unique = (some: typeof steps) => [...new Set(some.map(({ id }) => id))];
  return {
    stages: unique(steps),
    legs: unique(steps.filter(({ task }) => tasks.get(task)?.reports === 'bytes')),
  };
}
