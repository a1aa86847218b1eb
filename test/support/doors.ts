import type { FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import { createDesk, type Desk, type DeskOptions } from '../../src/desk/desk.ts';
import { createIntake, type Intake } from '../../src/desk/intake.ts';
import { APPS } from '../../src/domain/apps.ts';
import { STRICT_MEDIA_GATE } from '../../src/lib/media-gate.ts';
import { bunnyRoutes } from '../../src/outside/bunny/routes/webhook.ts';
import type { WholeLedger } from '../../src/outside/whole-ledger.ts';
import { WORDS } from '../../src/outside/words.ts';
import { createZoomCatchUp } from '../../src/outside/zoom/catch-up.ts';
import { DEFAULT_VIEWS } from '../../src/outside/zoom/files.ts';
import { createZoomIntake } from '../../src/outside/zoom/intake.ts';
import { zoomRoutes } from '../../src/outside/zoom/routes/routes.ts';
import { createZoomSearch } from '../../src/outside/zoom/search.ts';
import type { Line } from '../../src/queue/line.ts';
import { createRecipeBook } from '../../src/recipes/book.ts';
import { type AppOptions, createApp } from '../../src/server/app.ts';
import type { PagesOptions } from '../../src/server/pages/pages.ts';
import { loadTaskShapes } from '../../src/tasks/support/files.ts';
import { NO_INPUTS } from './no-inputs.ts';

export const SECRET_TOKEN = 'zoom-secret-token';
export const BUNNY_KEY = 'bunny-read-only-key';

/** What is seen where all is well. */
export const wellVitals = {
  look: async () => ({
    apps: APPS.map((app) => ({ app, state: 'ok' as const, silentMs: 0, watchedMs: 0, version: '1.2.3' })),
    redis: { state: 'ok' as const, why: undefined, advice: undefined, watchedMs: 0 },
    hosts: [],
    ledgerTrouble: undefined,
    standstill: undefined,
    progressMs: undefined,
    dueMs: undefined,
    givenUp: 0,
  }),
};

export interface TestDeskOptions extends Partial<Pick<DeskOptions['files'], 'customRoots' | 'incoming'>> {
  readonly ledger: WholeLedger & { readonly folder?: string };
  readonly line: Pick<Line, 'poke' | 'reconcile' | 'hurry'>;
  readonly installation?: DeskOptions['installation'];
  readonly watchUrl?: string | undefined;
  readonly outputPlaces?: DeskOptions['outputPlaces'];
  readonly log?: Logger;
}

/** The desk over a real ledger, without Redis: the line is what the caller makes of it. */
export async function createTestDesk(options: TestDeskOptions): Promise<{ desk: Desk; intake: Intake }> {
  const { ledger, line, log = pino({ level: 'silent' }), customRoots = [], incoming = '/' } = options;
  const tasks = await loadTaskShapes();
  const book = createRecipeBook({ tasks, kept: ledger.plans });
  const intake = createIntake({ recordings: ledger.recordings, book, line, log });
  const dataDir = ledger.folder ?? '/';
  const desk = createDesk({
    intake,
    recipes: { book, tasks },
    lines: { recordings: line, deliveries: line, runWebhooks: line, watches: line },
    onAsked: () => {},
    words: WORDS,
    inputs: NO_INPUTS,
    files: { customRoots, media: STRICT_MEDIA_GATE, incoming },
    installation: { version: '1.2.3', dataDir, diskReserveBytes: 1, serviceNames: [] },
    vitals: wellVitals,
    silentAfterMs: 30_000,
    watchUrl: undefined,
    outputPlaces: new Map(),
    ...options,
    log,
  });
  return { desk, intake };
}

/** The pipeline's doors over such a desk. */
export async function createDoors(
  options: Omit<TestDeskOptions, 'watchUrl'> & {
    readonly log: Logger;
    readonly installation: DeskOptions['installation'];
    readonly pages?: PagesOptions & { readonly watchUrl: string | undefined };
    /** Further ones. */
    readonly wingsOf?: (desk: Desk) => AppOptions['wings'];
  } & Pick<AppOptions, 'operators' | 'limits'> &
    Partial<Pick<AppOptions, 'watch'>>,
): Promise<FastifyInstance> {
  const { ledger, line, log, installation, pages, operators, limits } = options;
  const { desk, intake } = await createTestDesk({ ...options, watchUrl: pages?.watchUrl });
  const zoomIntake = createZoomIntake({
    intake,
    recordings: ledger.recordings,
    ignored: ledger.zoom.ignored,
    locks: ledger.locks,
    defaults: { views: DEFAULT_VIEWS, companions: ['transcript', 'chat'], language: 'en', delayMs: 0 },
    log,
  });
  return await createApp({
    watch: { mode: 'off', tokenSecrets: [], embedOrigins: [], linkUrl: undefined, mediaUrl: undefined },
    ...(options.watch === undefined ? {} : { watch: options.watch }),
    ...(operators === undefined ? {} : { operators }),
    ...(limits === undefined ? {} : { limits }),
    desk,
    version: installation.version,
    ...(pages === undefined ? {} : { pages }),
    log,
    wings: [
      zoomRoutes({
        door: {
          intake: zoomIntake,
          losses: ledger.zoom.losses,
          hurry: line.hurry,
          accounts: [{ id: null, secrets: [SECRET_TOKEN], credentials: undefined, rules: [] }],
          toleranceS: 300,
        },
        ignored: ledger.zoom.ignored,
        catchUp: createZoomCatchUp({
          search: createZoomSearch({ apis: [] }),
          intake: zoomIntake,
          ignored: ledger.zoom.ignored,
          log,
        }),
      }),
      bunnyRoutes({ lookAtVideo: desk.control.lookAtVideo, readOnlyApiKey: BUNNY_KEY }),
      ...(options.wingsOf?.(desk) ?? []),
    ],
  });
}
