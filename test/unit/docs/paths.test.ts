import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const PROJECT = join(import.meta.dirname, '../../..');
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(PROJECT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const NAMED = /`((?:src|test|scripts|web|simulators)\/[^`\s]+)`/g;
/** Stands for many. */
const PATTERN = /NAME|SYSTEM|[*{]/;

it.each(PAGES)('%s names no file of this project that is not there', (page) => {
  const text = readFileSync(join(PROJECT, page), 'utf8');
  const named = [...text.matchAll(NAMED)].flatMap(([, path]) => path ?? []);

  const missing = named.filter((path) => !PATTERN.test(path) && !existsSync(join(PROJECT, path)));

  expect(missing).toEqual([]);
});
