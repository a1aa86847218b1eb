import type { Paint, Style } from './paint.ts';
import { clip, padEnd, padStart, printable, widthOf } from './text-width.ts';

/** One column: its heading and, for each row, its text. */
export interface Column<T> {
  readonly heading: string;
  readonly text: (row: T) => string;
  readonly style?: (row: T) => Style | undefined;
  readonly align?: 'left' | 'right';
  /** Gives way where the terminal is narrow, down to so many characters. */
  readonly minWidth?: number;
}

const GAP = '  ';

/**
 * Rows as lines for people, without a trailing line break. With `columns` no line is wider than that: the columns that
 * may give way do, the widest first.
 */
export function renderTable<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  options: { readonly paint: Paint; readonly columns: number | undefined },
): string[] {
  const cells = rows.map((row) => columns.map(({ text }) => printable(text(row))));
  const widths = columns.map(({ heading }, at) =>
    Math.max(widthOf(heading), ...cells.map((line) => widthOf(line[at] ?? ''))),
  );
  if (options.columns !== undefined) narrow(widths, columns, options.columns);

  const line = (texts: readonly string[], styles: readonly (Style | undefined)[]) =>
    texts
      .map((text, at) => {
        const width = widths[at] ?? 0;
        const fitted = clip(text, width);
        const padded = columns[at]?.align === 'right' ? padStart(fitted, width) : padEnd(fitted, width);
        const isLast = at === texts.length - 1 && columns[at]?.align !== 'right';
        return options.paint(styles[at], isLast ? fitted : padded);
      })
      .join(GAP)
      .trimEnd();
  const headings = columns.map(({ heading }) => heading);
  return [
    line(
      headings,
      headings.map(() => 'dim'),
    ),
    ...rows.map((row, index) =>
      line(
        cells[index] ?? [],
        columns.map(({ style }) => style?.(row)),
      ),
    ),
  ];
}

function narrow<T>(widths: number[], columns: readonly Column<T>[], available: number): void {
  const total = () => widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
  for (;;) {
    const surplus = total() - available;
    const flexible = columns.flatMap(({ minWidth }, at) =>
      minWidth !== undefined && (widths[at] ?? 0) > minWidth ? [at] : [],
    );
    const widest = flexible.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
    if (surplus <= 0 || widest === undefined) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}
