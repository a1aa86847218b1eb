/** Whether tables are tried whole, as among the long tests, or in parts, as by `npm test` (vitest.config.ts). */
export const isWhole = process.env['WHOLE_TABLES'] !== undefined;

/** The rows of a table; or, of each kind that there is among them, the first. */
export function oneOfEach<T>(rows: readonly T[], kindOf: (row: T) => string): readonly T[] {
  if (isWhole) return rows;
  const kinds = rows.map(kindOf);
  return rows.filter((_, at) => kinds.indexOf(kinds[at] ?? '') === at);
}

/** The rows of a table; or, of those that have a name, the named ones, each of which has to be there. */
export function theseOf<T extends readonly [name: string, ...unknown[]]>(
  rows: readonly T[],
  names: readonly T[0][],
): readonly T[] {
  const missing = names.filter((name) => rows.every(([each]) => each !== name));
  if (missing.length > 0) throw new Error(`No row of this table is called ${missing.join(', ')}`);
  return isWhole ? rows : rows.filter(([name]) => names.includes(name));
}
