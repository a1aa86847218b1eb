import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PAGES } from './docs/pages.ts';

/** Writes every page that comes from the code; with `--check` only says which differ, and fails if any does. */
const projectDir = join(import.meta.dirname, '..');
const isCheck = process.argv.includes('--check');

for (const page of PAGES) {
  const path = join(projectDir, page.path);
  const before = await readFile(path, 'utf8').catch(() => undefined);
  const text = await page.text();
  if (before === text) continue;
  if (isCheck) {
    process.stderr.write(`${page.path} is not what the code says: run npx tsx scripts/write-docs.ts\n`);
    process.exitCode = 1;
    continue;
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  process.stdout.write(`${page.path} written\n`);
}
