import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const PROJECT = join(import.meta.dirname, '../../..');
const PAGE = readFileSync(join(PROJECT, 'docs/security.md'), 'utf8');

/** The rows of every table whose last column names tests: the threat and what is in that column. */
const ROWS = tablesOf(PAGE)
  .filter(([head]) => head?.at(-1)?.startsWith('test') === true)
  .flatMap((rows) => rows.slice(2).map((cells) => [cells[0] ?? '', cells.at(-1) ?? ''] as const));

function tablesOf(markdown: string): string[][][] {
  return markdown
    .split(/\n(?!\|)/)
    .map((block) => block.split('\n').filter((line) => line.startsWith('|')))
    .filter((lines) => lines.length > 0)
    .map((lines) =>
      lines.map((line) =>
        line
          .slice(1, -1)
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim()),
      ),
    );
}

it('names tests for a lot of threats', () => {
  expect(ROWS.length).toBeGreaterThan(40);
});

it.each(ROWS)('what is said of "%s" is tested', (_threat, tests) => {
  expect(tests).not.toBe('');
  for (const test of tests.split('; ')) {
    const [, path = '', name = ''] = /^([\w/-]+)(?:: (.*))?$/.exec(test) ?? [];
    const file = join(PROJECT, 'test', `${path}.test.ts`);
    expect(path, test).not.toBe('');
    expect(existsSync(file), file).toBe(true);

    // What a name says only at run time is left out with dots; scripts hold the names of what they try.
    const text = readFileSync(file, 'utf8') + triedBy(path);
    for (const piece of name.split(/ > |\.\.\./).map((each) => each.trim())) expect(text).toContain(piece);
  }
});

function triedBy(path: string): string {
  const folder = { 'e2e/attack': 'attack', 'integration/fuzz': 'fuzz' }[path];
  if (folder === undefined) return '';
  const names =
    folder === 'fuzz'
      ? ['doors', 'tus', 'texts']
      : ['webhooks', 'uploads', 'files', 'pages', 'smuggling', 'floods', 'ssrf'];
  return names.map((name) => readFileSync(join(PROJECT, 'scripts', folder, `${name}.ts`), 'utf8')).join('\n');
}
