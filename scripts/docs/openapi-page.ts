import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createDesk } from '../../src/desk/desk.ts';
import { graphqlRoutes } from '../../src/graphql/routes.ts';
import { STRICT_MEDIA_GATE } from '../../src/lib/media-gate.ts';
import { readVersion } from '../../src/lib/version.ts';
import { bunnyRoutes } from '../../src/outside/bunny/routes/webhook.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { WORDS } from '../../src/outside/words.ts';
import { zoomRoutes } from '../../src/outside/zoom/routes/routes.ts';
import { createApp } from '../../src/server/app.ts';
import { openApiOf } from '../../src/server/pages/docs-pages.ts';
import { statusOf } from '../../src/server/problem.ts';

const log = pino({ level: 'silent' });
const describeOnly = () => Promise.reject(new Error('only described'));

async function* nothing() {}

/** docs/openapi.json: the pipeline server's routes, as it describes them itself. */
export async function openApiPage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-docs-'));
  const ledger = await openWholeLedger({ address: join(folder, 'ledger.db'), leaseMs: 1000 });
  const line = { hurry() {}, poke() {} };
  const desk = createDesk({
    ledger,
    intake: { accept: describeOnly },
    recipes: {
      book: {
        recipes: [],
        defaultName: '',
        has: () => false,
        planOf: describeOnly,
        require: () => {
          throw new Error('only described');
        },
      },
      tasks: new Map(),
    },
    onAsked: () => {},
    lines: { recordings: line, deliveries: line, runWebhooks: line, watches: line },
    words: WORDS,
    inputs: { look: describeOnly, library: nothing, urlOf: () => undefined, read: describeOnly },
    files: { customRoots: [], media: STRICT_MEDIA_GATE, incoming: folder },
    installation: { version: readVersion(), dataDir: folder, diskReserveBytes: 0, serviceNames: [] },
    vitals: { look: describeOnly },
    silentAfterMs: 0,
    watchUrl: undefined,
    outputPlaces: new Map(),
    log,
  });
  const app = await createApp({
    desk,
    watch: { mode: 'off', tokenSecrets: [], embedOrigins: [], linkUrl: undefined, mediaUrl: undefined },
    wings: [
      zoomRoutes({
        door: {
          intake: {
            take: describeOnly,
            takeLeft: describeOnly,
            expect: describeOnly,
            refuse: describeOnly,
            leaveUnread: describeOnly,
            noteUntold: describeOnly,
          },
          losses: { removed: describeOnly, recovered: describeOnly },
          hurry: () => {},
          accounts: [],
          toleranceS: 300,
        },
        ignored: { newest: describeOnly },
        catchUp: { ingest: describeOnly, bring: describeOnly, step: describeOnly },
      }),
      bunnyRoutes({ lookAtVideo: describeOnly, readOnlyApiKey: undefined }),
      graphqlRoutes({
        ...{ library: desk.library, players: desk.players, query: desk.query, presets: desk.control.presets },
        ...{ version: readVersion(), statusOf },
      }),
    ],
    version: readVersion(),
    metrics: { contentType: 'text/plain', text: describeOnly },
    pages: { uploadUrl: undefined, tusPort: 0, maxUploadBytes: 0, isMediaOnly: true },
    log,
  });
  try {
    await app.ready();
    return `${JSON.stringify(openApiOf(app), null, 2)}\n`;
  } finally {
    await app.close();
    await ledger.close();
    await rm(folder, { recursive: true });
  }
}
