import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../../src');
const IMPORT = /^(?:import|export)\s+(?!type\b)(?:([^'";]*?)\s+from\s+)?'([^']+)'/gm;
const ONLY_TYPES = /^\{(\s*type \w+,?)+\s*\}$/;

/** The packages that are loaded with a file, and with all that it imports from its beginning on. */
function packagesOf(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const found = [...readFileSync(file, 'utf8').matchAll(IMPORT)].filter(
    ([, names = '']) => !ONLY_TYPES.test(names),
  );
  return found.flatMap(([, , from = '']) => {
    if (from.startsWith('.')) return packagesOf(join(dirname(file), from), seen);
    return from.startsWith('node:') ? [] : [from];
  });
}

describe('the command', () => {
  it('begins without the database, the queue and the server, which take longer to load than it runs', () => {
    const seen = new Set<string>();
    const packages = new Set(packagesOf(join(SRC, 'cli/main.ts'), seen));

    expect(seen.size).toBeGreaterThan(60);
    expect([...packages].sort()).toEqual(['commander', 'string-width', 'yaml', 'zod']);
  });
});
