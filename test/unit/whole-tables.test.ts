import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TABLES } from '../../vitest.config.ts';
import { TABLES as TABLES_OF_POSTGRES } from '../../vitest.postgres.config.ts';

const root = join(import.meta.dirname, '../..');

it('what `npm test` tries in part is tried whole among the long tests, and nothing else is said to be', async () => {
  const names = await readdir(join(root, 'test'), { recursive: true });
  const tests = names.filter((name) => name.endsWith('.test.ts')).map((name) => `test/${name}`);
  const parted: string[] = [];
  for (const path of tests) {
    const text = await readFile(join(root, path), 'utf8');
    if (/^import .*\/whole-tables\.ts';$/m.test(text)) parted.push(path);
  }

  expect([...TABLES, ...TABLES_OF_POSTGRES].sort()).toEqual(parted.sort());
});
