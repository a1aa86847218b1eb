import { describe, expect, it } from 'vitest';
import { type Column, renderTable } from '../../../src/cli/table.ts';
import { clip, padEnd, printable, widthOf } from '../../../src/cli/text-width.ts';

interface Row {
  readonly id: string;
  readonly title: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { heading: 'id', text: ({ id }) => id, align: 'right' },
  { heading: 'title', text: ({ title }) => title, minWidth: 4 },
];
const table = (rows: readonly Row[], columns?: number) =>
  renderTable(rows, COLUMNS, { columns, paint: (_style, text) => text });

describe('a table', () => {
  it('is as wide as what is in it, where nothing limits it', () => {
    expect(table([{ id: '7', title: 'x'.repeat(300) }])).toEqual(['id  title', ` 7  ${'x'.repeat(300)}`]);
  });

  it.each([10, 14, 20, 40])('keeps to %i columns, wide characters counted twice', (columns) => {
    const lines = table(
      [
        { id: '7', title: '授業の録画 👩‍🏫 第一回' },
        { id: '12345', title: 'Café' },
      ],
      columns,
    );

    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(Math.max(columns, 11));
    expect(lines).toHaveLength(3);
  });

  it('is not moved by what somebody else has written', () => {
    expect(table([{ id: '1', title: 'a\u001b[2Jb\r\nc\u202ed' }])[1]).toBe(' 1  a[2Jb cd');
  });
});

describe('a text', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['授業', 3, '授…'],
    ['授業', 2, '…'],
    ['👩‍🏫x', 2, '…'],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
    ['abc', 0, ''],
  ])('%j in %i columns is %j', (text, width, expected) => {
    expect(clip(text, width)).toBe(expected);
  });

  it('is padded by its width', () => {
    expect(padEnd('授業', 6)).toBe('授業  ');
    expect(printable(' a\tb ')).toBe(' a b ');
  });
});
