import { defineConfig } from 'vitest/config';

/** What stands on the ledger, and asks it for more than the others do. */
const ON_THE_LEDGER = [
  ...[
    'ledger',
    'ledger-accepting',
    'ledger-gate',
    'ledger-crowd',
    'ledger-processes',
    'counters',
    'desk',
    'pages',
    'postponed',
  ],
  ...[
    'late-looks',
    'line',
    'line-left',
    'live',
    'runs',
    'output-ends',
    'sweeper',
    'actions',
    'after-done',
    'grpc',
  ],
  ...[
    'two-stores',
    'two-publishers',
    'inputs',
    'operators',
    'operator-api',
    'access',
    'doors-files',
    'doors-zoom',
  ],
  ...['library', 'graphql', 'zoom-losses', 'zoom-removal', 'zoom-wanted', 'zoom-catch-up'],
];

/** Whose tables are tried in parts on this floor, and whole among the long ones (`WHOLE_TABLES`). */
export const TABLES = ['test/postgres/hosts.test.ts', 'test/integration/grpc.test.ts'];

/** What takes films to be made, and is tried over Postgres among the long tests alone. */
const FILMS = ['test/integration/handed-over.test.ts', 'test/integration/remote-workers.test.ts'];

/** What the projects have in common: each test file over ledgers that lie in Postgres. */
function overPostgres(name: string, include: string[], env: Record<string, string> = {}) {
  return {
    test: {
      name,
      include,
      env,
      globalSetup: 'test/support/postgres-floor.ts',
      testTimeout: 120_000,
      hookTimeout: 60_000,
      isolate: false,
      expect: { poll: { timeout: 20_000 } },
    },
  };
}

/**
 * The tests of the ledger, and of what stands on it, once more over ledgers that lie in Postgres, and those of Postgres alone; and, for
 * `npm run test:long`, all that fails and dies, and what takes minutes of that alone; tables whole (`WHOLE_TABLES`).
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      overPostgres('postgres', [
        'test/postgres/*.test.ts',
        ...ON_THE_LEDGER.map((name) => `test/integration/${name}.test.ts`),
      ]),
      overPostgres('postgres-faults', ['test/faults/!(chaos|hosts).test.ts', ...FILMS, ...TABLES], {
        WHOLE_TABLES: 'yes',
      }),
    ],
  },
});
