import { byteSize } from '../lib/byte-size.ts';
import type { Sweeping, SweepProblem } from './sweeper.ts';

const KINDS: Readonly<Record<SweepProblem['kind'], string>> = {
  spool: 'download',
  scratch: 'scratch folder',
  upload: 'upload',
  'large-file': 'unfinished file',
  video: 'empty video',
  output: 'outputs',
  token: 'download tokens',
};

/** What was or would be removed, as lines for people. */
export function sweepTable({ items, problems }: Sweeping, dryRun: boolean): string {
  const rows = items.map(({ kind, name, bytes, reason }) => [KINDS[kind], size(bytes), reason, name]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row.map((cell, column) =>
      column === 1 ? cell.padStart(widths[1] ?? 0) : cell.padEnd(widths[column] ?? 0),
    ),
  );
  const verb = dryRun ? 'would be removed' : 'removed';
  const freed = size(items.reduce((sum, { bytes = 0 }) => sum + bytes, 0));
  return [
    ...lines.map((cells) => cells.join('  ')),
    items.length === 0
      ? `Nothing ${dryRun ? 'to remove' : 'removed'}.`
      : `${items.length} ${verb}, ${freed}.`,
    ...problems.map(({ kind, name, message }) =>
      [`Not looked at: ${KINDS[kind]}`, name, message].filter(Boolean).join(': '),
    ),
    '',
  ].join('\n');
}

function size(bytes: number | undefined): string {
  return bytes === undefined ? '' : byteSize(bytes);
}
