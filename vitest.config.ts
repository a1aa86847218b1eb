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
const TABLES = ['test/faults/packages.test.ts', 'test/browser/packages.test.ts'];

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
