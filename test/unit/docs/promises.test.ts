import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const TESTS = join(import.meta.dirname, '../..');

/** What all tests name, such as `P31`, but for what is only said beside them. */
const named = new Set(
  readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .flatMap((path) => readFileSync(join(TESTS, path), 'utf8').split('\n'))
    .filter((line) => !/^ *(\/\/|\/?\*)/.test(line))
    .flatMap((line) => line.match(/\b[VP]\d{1,2}\b/g) ?? []),
);

it.each([
  ['outputs from a video', 'V', 66],
  ['a library of media', 'P', 46],
])('each line of what is promised of %s is named by a test', (_name, letter, lines) => {
  const wanted = Array.from({ length: lines }, (_, at) => `${letter}${at + 1}`);

  expect(wanted.filter((line) => !named.has(line))).toEqual([]);
});
