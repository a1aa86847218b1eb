import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { Intake } from '../desk/intake.ts';
import type { VitalsWatch } from '../desk/vitals.ts';
import type { ProgressMessage } from '../domain/progress.ts';
import type { TaskShapes } from '../domain/recipe.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { refuseUnreadable } from '../lib/connections.ts';
import { type MediaGate, STRICT_MEDIA_GATE } from '../lib/media-gate.ts';
import type { Line } from '../queue/line.ts';
import type { RecipeBook } from '../recipes/book.ts';
import { openAccess } from './access/access.ts';
import { addAccessApi } from './access/access-api.ts';
import { createActs, followActs } from './access/acts.ts';
import { limitRequests, REQUEST_LIMITS, type RequestLimits, SERVER_LIMITS } from './access/limits.ts';
import { addLogin, LOG_IN } from './access/login.ts';
import { closeRoutes, createOperators, type OperatorOptions } from './access/operators.ts';
import { addActionsApi } from './api/actions.ts';
import { addAlarmsApi } from './api/alarms.ts';
import { addControlsApi } from './api/controls.ts';
import { addDeliveriesApi } from './api/deliveries.ts';
import { addEventsApi } from './api/events.ts';
import { addHealth } from './api/health.ts';
import { createLive } from './api/live.ts';
import { addMetricsPage, type MetricsText } from './api/metrics.ts';
import { addOverviewApi } from './api/overview.ts';
import { addRecipesApi } from './api/recipes.ts';
import { addRecordingsApi } from './api/recordings.ts';
import { addRunsApi } from './api/runs.ts';
import { createStatus, type StatusOptions } from './api/status.ts';
import { createSteps } from './api/steps.ts';
import { addUploadsApi } from './api/uploads.ts';
import { addWordsApi } from './api/words.ts';
import { addFileDoors } from './doors/files.ts';
import { addDocsPages, describeRoutes } from './pages/docs-pages.ts';
import { addPages, type PagesOptions } from './pages/pages.ts';
import { answerProblems, refuseUnroutable } from './problem.ts';
import { addResponseHeaders } from './response-headers.ts';
import type { WingRoutes } from './routes/wing-routes.ts';
import { compileValidator } from './validator.ts';

export interface AppOptions {
  readonly ledger: Pick<
    Ledger,
    | 'recordings'
    | 'overview'
    | 'causes'
    | 'history'
    | 'operator'
    | 'deliveries'
    | 'switches'
    | 'circuits'
    | 'alarms'
    | 'access'
    | 'audit'
    | 'lineAhead'
  >;
  readonly intake: Intake;
  /** The doors and routes that outside systems bring with them. */
  readonly wings: readonly WingRoutes[];
  readonly lines: Readonly<Record<'recordings' | 'deliveries' | 'runWebhooks', Pick<Line, 'hurry' | 'poke'>>>;
  /** What the status says of this installation. */
  readonly installation: Pick<StatusOptions, 'version' | 'dataDir' | 'diskReserveBytes' | 'services'>;
  readonly operators?: OperatorOptions;
  readonly limits?: RequestLimits;
  /** The folders that files are taken from; any, if none is named. */
  readonly recipes: {
    readonly book: Pick<RecipeBook, 'recipes' | 'defaultName' | 'has' | 'require' | 'planOf'>;
    readonly tasks: TaskShapes;
  };
  readonly customRoots?: readonly string[];
  /** Says what is let in; default what our own signatures know. */
  readonly media?: MediaGate;
  /** Watches whether what should move does. */
  readonly vitals: Pick<VitalsWatch, 'look'>;
  readonly silentAfterMs: number;
  /** Where finished uploads lie. */
  readonly incoming: string;
  /** Passes on what the worker tells of the recording that moves. */
  readonly listenForProgress?: (listener: (message: ProgressMessage) => void) => { stop(): void };
  readonly metrics?: MetricsText;
  /** The pages for people; without it there are none. */
  readonly pages?: Omit<PagesOptions, 'ledger' | 'progressOf' | 'planOf'>;
  readonly log: Logger;
}

/** The pipeline server, not yet listening: doors that translate and hold no state. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { ledger, intake, log } = options;
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    ...SERVER_LIMITS,
    forceCloseConnections: true,
    clientErrorHandler: refuseUnreadable,
    frameworkErrors: (error, _request, reply) => refuseUnroutable(error, reply),
  });
  app.setValidatorCompiler(compileValidator);
  app.setSerializerCompiler(serializerCompiler);
  answerProblems(app);
  addResponseHeaders(app);
  const access = await openAccess({ tokens: ledger.access, log });
  const acts = createActs({ audit: ledger.audit, log });
  const operators = createOperators(options.operators ?? {}, {
    access,
    onWrongToken: (request) => void acts.note(request, { act: LOG_IN, outcome: 'refused' }),
  });
  limitRequests(app, options.limits ?? REQUEST_LIMITS, operators.isProven);
  closeRoutes(app, operators);
  followActs(app, acts);

  app.addHook('onResponse', async (request, reply) => {
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    const path = request.url.split('?')[0];
    request.log.debug(
      { event: 'request.done', method: request.method, path, status: reply.statusCode, ms },
      'request',
    );
  });

  await describeRoutes(app, { ...options.installation, wings: options.wings });
  addLogin(app, operators, acts);
  addAccessApi(app, { access, audit: ledger.audit });
  for (const wing of options.wings) wing.addTo(app);
  const steps = createSteps({ ...options.recipes, recordings: ledger.recordings });
  addRecipesApi(app, options.recipes);
  addRunsApi(app, { intake, ledger, book: options.recipes.book });
  addFileDoors(app, {
    intake,
    recordings: ledger.recordings,
    book: options.recipes.book,
    customRoots: options.customRoots ?? [],
    media: options.media ?? STRICT_MEDIA_GATE,
    incoming: options.incoming,
  });
  addRecordingsApi(app, { ledger, steps });
  addUploadsApi(app, options.installation);
  addActionsApi(app, {
    ledger,
    line: options.lines.recordings,
    onAnnounced() {
      options.lines.deliveries.poke();
      options.lines.runWebhooks.poke();
    },
  });
  addOverviewApi(app, { ledger, line: options.lines.recordings });
  const status = createStatus({
    ledger,
    vitals: options.vitals,
    silentAfterMs: options.silentAfterMs,
    steps,
    legsOf: (id) => live.legsOf(id),
    ...options.installation,
  });
  addDeliveriesApi(app, ledger);
  addControlsApi(app, { ledger, status, lines: options.lines });
  addAlarmsApi(app, ledger);
  if (options.metrics !== undefined) addMetricsPage(app, options.metrics);
  const live = createLive({ ledger, status, steps, log });
  const listening = options.listenForProgress?.(live.progress);
  app.addHook('onClose', async () => listening?.stop());
  addEventsApi(app, { live, mayStay: operators.mayStay });
  if (options.pages !== undefined) {
    addPages(app, {
      ledger,
      progressOf: live.legsOf,
      planOf: options.recipes.book.planOf,
      ...options.pages,
    });
  }
  addWordsApi(app);
  addDocsPages(app);
  addHealth(app, status);
  return app;
}
