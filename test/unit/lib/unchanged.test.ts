import { expect, it } from 'vitest';
import { createUnchanged } from '../../../src/lib/unchanged.ts';

type Row = { readonly step: string; readonly fact: string | null };

const made = (most = 10) => createUnchanged<Row, { rows: readonly Row[] }>(most, (rows) => ({ rows }));
const FETCH = { step: 'fetch', fact: null };

it('what is made of the same rows is the same thing, whoever has read them', () => {
  const of = made();
  expect(of('a', [{ ...FETCH }])).toBe(of('a', [{ ...FETCH }]));
});

it.each<[string, Row[]]>([
  ['a row that says something else', [{ ...FETCH, fact: '{}' }]],
  ['a row more', [FETCH, { step: 'probe', fact: null }]],
  ['a row less', []],
])('%s makes another', (_what, rows) => {
  const of = made();
  const before = of('a', [FETCH]);
  const after = of('a', rows);
  expect(after).not.toBe(before);
  expect(after.rows).toEqual(rows);
});

it('each has its own', () => {
  const of = made();
  expect(of('a', [FETCH])).not.toBe(of('b', [FETCH]));
});

it('remembers the last so many and no more', () => {
  const of = made(2);
  const [a, b] = [of('a', [FETCH]), of('b', [FETCH])];
  of('c', [FETCH]);
  expect(of('b', [FETCH])).toBe(b);
  expect(of('a', [FETCH])).not.toBe(a);
});
