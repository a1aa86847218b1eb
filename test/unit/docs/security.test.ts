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

    const titles = [...titlesIn(readFileSync(file, 'utf8')), ...triedBy(path)];
    expect(titles.length, `${path} tests nothing`).toBeGreaterThan(0);
    let from = 0;
    for (const part of name.split(' > ').filter(Boolean)) {
      const at = titles.findIndex((title, index) => index >= from && isNamed(title, part));
      expect(at, `${path} has no test that is called "${part}"`).toBeGreaterThanOrEqual(0);
      from = at + 1;
    }
  }
});

it.each([
  ["it('does so', async () => {", ['does so']],
  [
    "describe('a door', () => {\n  it.each([\n    ['a', 1],\n  ])('takes %s', (name) => {",
    ['a door', 'a', 'takes %s'],
  ],
  ["describe.each(['x'])('%s refuses', (door) => {", ['%s refuses']],
  ["it.runIf(isRoot)('as root', () => {", ['as root']],
  ["// it('is left out', () => {\n/* it('too', () => { */", []],
  ["it.skip('is not run', () => {\nit.todo('is to come');\ndescribe.skip('neither', () => {", []],
  ["expect('a text').toBe('a text');\nconst name = 'does so';", []],
])('finds in %j the tests %j', (source, titles) => {
  expect(titlesIn(source)).toEqual(titles);
});

/**
 * What the tests of a file and the cases of its tables are called, in their order: those that are run, and not what
 * stands in comments or texts.
 */
function titlesIn(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const beginning = /(?:^|\s)(?:it|test|describe)((?:\.\w+)*)\(|\)\(|^\s*\[(?=['"`])/gm;
  const titles: string[] = [];
  for (const { 0: call, 1: modifiers = '', index = 0 } of code.matchAll(beginning)) {
    if (/\.(skip|todo)\b/.test(modifiers)) continue;
    const title = /^\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`([^`]*)`)\s*,/.exec(
      code.slice(index + call.length),
    );
    const text = title?.[1] ?? title?.[2] ?? title?.[3];
    if (text !== undefined) titles.push(text.replace(/\\(.)/g, '$1'));
  }
  return titles;
}

/** Whether a title begins with a name; what it says only at run time is left out of the name with dots. */
function isNamed(title: string, name: string): boolean {
  let from = 0;
  for (const [index, piece] of name
    .split('...')
    .map((each) => each.trim())
    .entries()) {
    const at = title.indexOf(piece, from);
    if (at === -1 || (index === 0 && piece !== '' && at !== 0)) return false;
    from = at + piece.length;
  }
  return true;
}

/** What the scripts try that a test runs as a whole. */
function triedBy(path: string): string[] {
  const folder = { 'long/attack': 'attack', 'integration/fuzz': 'fuzz' }[path];
  if (folder === undefined) return [];
  const names =
    folder === 'fuzz'
      ? ['doors', 'tus', 'texts']
      : ['webhooks', 'uploads', 'files', 'pages', 'smuggling', 'floods', 'ssrf'];
  return names.flatMap((name) => {
    const source = readFileSync(join(PROJECT, 'scripts', folder, `${name}.ts`), 'utf8');
    const named = source.matchAll(/^\s*name: (?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`([^`]*)`)/gm);
    return Array.from(named, ([, a, b, c]) => (a ?? b ?? c ?? '').replace(/\\(.)/g, '$1'));
  });
}
