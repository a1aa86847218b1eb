/** A table as text: the first row is the headings; the first column is flush left and the others flush right. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    widths
      .map((width, column) =>
        column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width),
      )
      .join('  ')
      .trimEnd(),
  );
  const [headings = '', ...rest] = lines;
  return [headings, '-'.repeat(Math.max(0, ...lines.map((line) => line.length))), ...rest].join('\n');
}
