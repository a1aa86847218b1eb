import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { AccessRecords } from '../desk/access-records.ts';
import type { Desk } from '../desk/desk.ts';
import { startRepeating } from '../lib/abort.ts';
import { refuseUnreadable } from '../lib/connections.ts';
import { createSeldomLog } from '../lib/seldom-log.ts';
import { type Access, openAccess } from './access/access.ts';
import { addAccessApi } from './access/access-api.ts';
import { createActs, followActs } from './access/acts.ts';
import { createDoorkeeper, type Doorkeeper } from './access/doorkeeper.ts';
import { limitRequests, REQUEST_LIMITS, type RequestLimits, SERVER_LIMITS } from './access/limits.ts';
import { addLogin, LOG_IN } from './access/login.ts';
import { closeRoutes, createOperators, type OperatorOptions } from './access/operators.ts';
import { createSignedSessions, type Sessions } from './access/sessions.ts';
import { addActionsApi } from './api/actions.ts';
import { addAlarmsApi } from './api/alarms.ts';
import { addAssetsApi } from './api/assets.ts';
import { addControlsApi } from './api/controls.ts';
import { addDeliveriesApi } from './api/deliveries.ts';
import { addEventsApi } from './api/events.ts';
import { addHandedOverApi } from './api/handed-over.ts';
import { addHealth } from './api/health.ts';
import { addHostsApi } from './api/hosts.ts';
import { createLive } from './api/live.ts';
import { addMetricsPage, type MetricsText } from './api/metrics.ts';
import { addOverviewApi } from './api/overview.ts';
import { addPresetsApi } from './api/presets.ts';
import { addRecipesApi } from './api/recipes.ts';
import { addRecordingsApi } from './api/recordings.ts';
import { addRemoteWorkersApi } from './api/remote-workers.ts';
import { addRunsApi } from './api/runs.ts';
import { addUploadsApi } from './api/uploads.ts';
import { addWatchLinksApi, type WatchLinkOptions } from './api/watch-links.ts';
import { addWordsApi } from './api/words.ts';
import { addFileDoors } from './doors/files.ts';
import { addDocsPages, describeRoutes } from './pages/docs-pages.ts';
import { addPages, type PagesOptions } from './pages/pages.ts';
import { answerProblems, refuseUnroutable } from './problem.ts';
import { addResponseHeaders } from './response-headers.ts';
import type { WingRoutes } from './routes/wing-routes.ts';
import { compileValidator } from './validator.ts';
import { addWatchPages, type WatchOptions } from './watch/watch-pages.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The path itself opens something, so the log has that of the route. */
    isPathSecret?: true;
  }
  interface FastifyInstance {
    /** Lets callers of other doors of this process in. */
    doorkeeper: Doorkeeper;
  }
}

export interface AppOptions {
  readonly desk: Omit<Desk, 'progress'>;
  /** The doors and routes that outside systems bring with them. */
  readonly wings: readonly WingRoutes[];
  readonly version: string;
  readonly operators?: OperatorOptions;
  readonly limits?: RequestLimits;
  readonly metrics?: MetricsText;
  /** The pages for people; without it there are none. */
  readonly pages?: PagesOptions;
  /** The page for viewers, and who they are. */
  readonly watch: WatchOptions & WatchLinkOptions;
  readonly log: Logger;
}

/** The pipeline server, not yet listening: doors that translate and hold no state. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { desk, wings, version, log } = options;
  const { query } = desk;
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
  const access = await openAccess({ tokens: desk.access.tokens, log });
  const acts = createActs({ audit: desk.access.audit, log });
  const sessions = await openSessions(app, { records: desk.access, access, ...options });
  const operators = createOperators(options.operators ?? {}, {
    access,
    sessions,
    onWrongToken: (request) => void acts.note(request, { act: LOG_IN, outcome: 'refused' }),
  });
  app.decorate('doorkeeper', createDoorkeeper({ operators, acts, log: app.log }));
  limitRequests(app, options.limits ?? REQUEST_LIMITS, operators.isProven);
  closeRoutes(app, operators);
  followActs(app, acts);

  app.addHook('onResponse', async (request, reply) => {
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    const { url: route, config } = request.routeOptions;
    const path = config.isPathSecret ? route : request.url.split('?')[0];
    request.log.debug(
      { event: 'request.done', method: request.method, path, status: reply.statusCode, ms },
      'request',
    );
  });

  await describeRoutes(app, { version, wings });
  addLogin(app, operators, acts);
  addAccessApi(app, { access, audit: desk.access.audit });
  for (const wing of wings) wing.addTo(app);
  addRecipesApi(app, query);
  addPresetsApi(app, desk);
  addHandedOverApi(app, desk.handedOver);
  addRemoteWorkersApi(app, desk.remoteWorkers);
  addRunsApi(app, desk);
  addFileDoors(app, desk.files);
  addRecordingsApi(app, query);
  addAssetsApi(app, desk);
  addUploadsApi(app, query);
  addActionsApi(app, desk);
  addOverviewApi(app, desk);
  addDeliveriesApi(app, query);
  addControlsApi(app, desk);
  addAlarmsApi(app, query);
  addHostsApi(app, { status: query.status, control: desk.control });
  if (options.metrics !== undefined) addMetricsPage(app, options.metrics);
  const live = createLive({ news: desk.live, log });
  addEventsApi(app, { live, words: query.words, mayStay: operators.mayStay });
  if (options.pages !== undefined) addPages(app, { ...options.pages, query });
  addWatchPages(app, { ...options.watch, watch: desk.watch, operators });
  addWatchLinksApi(app, { ...options.watch, watch: desk.watch });
  addWordsApi(app, query.words);
  addDocsPages(app);
  addHealth(app, query.status);
  return app;
}

/** How often it is looked what has become of tokens and sessions at other hosts, in milliseconds. */
const SHARED_ACCESS_EVERY_MS = 2000;

/** The sessions that the doors of several hosts have in common, kept up with until this door closes; `undefined`: there is one alone. */
async function openSessions(
  app: FastifyInstance,
  {
    records,
    access,
    operators,
    log,
  }: Pick<AppOptions, 'operators' | 'log'> & { readonly records: AccessRecords; readonly access: Access },
): Promise<Sessions | undefined> {
  const { sharedSessions: shared } = records;
  if (shared === undefined) return undefined;
  const seldom = createSeldomLog(log);
  const sessions = await createSignedSessions({
    shared,
    adminToken: operators?.adminToken,
    onUnwritten: (err) =>
      log.warn({ event: 'session.not-ended', err }, 'a session has ended at this host alone'),
  });
  const keepingUp = startRepeating(async () => {
    try {
      await access.refresh();
      await sessions.refresh();
    } catch (err) {
      seldom.warn({ event: 'access.not-refreshed', err }, 'what was changed at other hosts is seen later');
    }
  }, SHARED_ACCESS_EVERY_MS);
  app.addHook('onClose', () => keepingUp.stop());
  return sessions;
}
