import { defineConfig } from 'vitest/config';

/** What stands on the ledger, and asks it for more than the others do. */
const ON_THE_LEDGER = [
  ...['ledger', 'ledger-gate', 'ledger-crowd', 'ledger-processes', 'counters', 'desk', 'pages', 'postponed'],
  ...['late-looks', 'line', 'line-left', 'live', 'runs', 'output-ends', 'sweeper', 'actions', 'after-done'],
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
  ...['zoom-losses', 'zoom-removal', 'zoom-wanted', 'zoom-catch-up'],
];

/** The tests of the ledger, and of what stands on it, once more over ledgers that lie in Postgres; and those of Postgres alone. */
export default defineConfig({
  test: {
    name: 'postgres',
    globalSetup: 'test/support/postgres-floor.ts',
    include: ['test/postgres/*.test.ts', ...ON_THE_LEDGER.map((name) => `test/integration/${name}.test.ts`)],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    isolate: false,
    expect: { poll: { timeout: 20_000 } },
  },
});
