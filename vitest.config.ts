import { defineConfig } from 'vitest/config';

/**
 * The floors of the test house, cheapest first; `npx vitest run --project unit` runs one of them.
 * Files share what they import, which takes most of the time of the small ones to load: no test may change that.
 */
function floor(
  name: string,
  timeoutS: number,
  { also = [], env = {} }: { also?: readonly string[]; env?: Record<string, string> } = {},
) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`, ...also],
      env,
      testTimeout: timeoutS * 1000,
      hookTimeout: timeoutS * 1000,
      isolate: false,
      // What is waited for comes when it comes: on a busy machine a second is nothing.
      expect: { poll: { timeout: Math.min(20, timeoutS / 2) * 1000 } },
    },
  };
}

/** Whose tables are tried in parts on their own floor, and whole among the long ones (`WHOLE_TABLES`). */
export const TABLES = [
  ...[
    'after-done',
    'blame',
    'crash-points',
    'folder-faults',
    'jobs',
    'late',
    'outbox',
    'outputs',
    'packages',
    'resume',
    's3-archive',
    'server-kills',
    'two-archives',
    'videos',
  ].map((name) => `test/faults/${name}.test.ts`),
  ...['packages', 'upload', 'upload-care'].map((name) => `test/browser/${name}.test.ts`),
  ...['clock', 'grpc-proxy', 'pm2'].map((name) => `test/e2e/${name}.test.ts`),
  ...['fetch-lengths', 'fuzz', 'odd-films-outputs', 'tus-process'].map(
    (name) => `test/integration/${name}.test.ts`,
  ),
];

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      floor('unit', 10),
      floor('contract', 60),
      floor('integration', 60),
      floor('faults', 120),
      floor('e2e', 180),
      floor('browser', 60),
      floor('long', 180, { also: TABLES, env: { WHOLE_TABLES: 'yes' } }),
    ],
  },
});
