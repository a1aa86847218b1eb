import { keepLast } from './keep-last.ts';

type Row = Readonly<Record<string, unknown>>;

/**
 * Remembers what was made of rows, the last that were asked for: who looks again and finds the same rows is given the same thing, not a
 * new one, and can tell by that that nothing has changed.
 *
 * @param most Of how many it remembers it.
 */
export function createUnchanged<R extends Row, T>(
  most: number,
  make: (rows: readonly R[]) => T,
): (id: string, rows: readonly R[]) => T {
  const last = new Map<string, { readonly rows: readonly R[]; readonly made: T }>();
  return (id, rows) => {
    const known = last.get(id);
    if (known !== undefined && areSame(known.rows, rows)) return known.made;
    const made = make(rows);
    keepLast(last, id, { rows, made }, most);
    return made;
  };
}

function areSame(some: readonly Row[], others: readonly Row[]): boolean {
  return (
    some.length === others.length &&
    some.every((row, at) => {
      const other = others[at];
      for (const name in row) if (row[name] !== other?.[name]) return false;
      return true;
    })
  );
}
