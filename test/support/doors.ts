import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { createDesk, type DeskOptions } from '../../src/desk/desk.ts';
import { createIntake } from '../../src/desk/intake.ts';
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

export const SECRET_TOKEN = 'zoom-secret-token';
export const BUNNY_KEY = 'bunny-read-only-key';

/** What is seen where all is well. */
export const wellVitals = {
  look: async () => ({
    apps: APPS.map((app) => ({ app, state: 'ok' as const, silentMs: 0, watchedMs: 0, version: '1.2.3' })),
    redis: { state: 'ok' as const, why: undefined, advice: undefined, watchedMs: 0 },
    ledgerTrouble: undefined,
    standstill: undefined,
    progressMs: undefined,
    dueMs: undefined,
    givenUp: 0,
  }),
};

/** The pipeline's doors over a real ledger, without Redis: the line is what the caller makes of it. */
export async function createDoors(
  options: {
    ledger: WholeLedger;
    line: Pick<Line, 'poke' | 'reconcile' | 'hurry'>;
    log: Logger;
    installation: DeskOptions['installation'];
    pages?: PagesOptions & { readonly watchUrl: string | undefined };
  } & Partial<Pick<DeskOptions['files'], 'customRoots' | 'incoming'>> &
    Pick<AppOptions, 'operators' | 'limits'>,
): Promise<FastifyInstance> {
  const { ledger, line, log, installation, pages, customRoots = [], incoming = '/', ...appOptions } = options;
  const tasks = await loadTaskShapes();
  const book = createRecipeBook({ tasks, kept: ledger.plans });
  const intake = createIntake({ recordings: ledger.recordings, book, line, log });
  const zoomIntake = createZoomIntake({
    intake,
    recordings: ledger.recordings,
    ignored: ledger.zoom.ignored,
    defaults: { views: DEFAULT_VIEWS, companions: ['transcript', 'chat'], language: 'en', delayMs: 0 },
    log,
  });
  const desk = createDesk({
    ledger,
    intake,
    recipes: { book, tasks },
    lines: { recordings: line, deliveries: line, runWebhooks: line, watches: line },
    words: WORDS,
    files: { customRoots, media: STRICT_MEDIA_GATE, incoming },
    installation,
    vitals: wellVitals,
    silentAfterMs: 30_000,
    watchUrl: pages?.watchUrl,
    log,
  });
  return await createApp({
    ...appOptions,
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
    ],
  });
}
