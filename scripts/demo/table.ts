import type { Paint } from '../../src/cli/paint.ts';
import { byteSize } from '../../src/lib/byte-size.ts';
import { formatMs } from './format.ts';
import type { RecordingDetail, Stage } from './recordings-api.ts';
import type { Outcome, Verification } from './verification.ts';

const STAGES: readonly Stage[] = ['fetch', 'archive', 'publish', 'notify', 'cleanup'];
const HEADINGS = ['source', 'title', 'bytes', ...STAGES, 'verified'] as const;
const LEFT_COLUMNS = 2;

/** What happened to each recording, and what was checked, line by line. */
export function renderOutcome({ outcomes, runs, checks }: Verification, paint: Paint): readonly string[] {
  const cells = [[...HEADINGS], ...outcomes.map((outcome) => toCells(outcome)), ...runs.map(toRunCells)];
  const widths = HEADINGS.map((_heading, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  );
  const [heading = '', ...lines] = cells.map((line) =>
    line
      .map((cell, column) =>
        column < LEFT_COLUMNS ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
  const indent = ' '.repeat((widths[0] ?? 0) + 2);

  return [
    '',
    paint('bold', heading),
    ...outcomes.flatMap(({ detail, problems }, index) => [
      `${lines[index]}${mark(problems.length === 0, paint)}`,
      paint('dim', `${indent}B2     ${detail?.facts.archive?.fileName ?? '-'}`),
      ...(detail?.facts['archive-folder'] === undefined
        ? []
        : [paint('dim', `${indent}folder ${detail.facts['archive-folder'].file_name}`)]),
      paint('dim', `${indent}Bunny  ${detail?.facts.publish?.videoId ?? '-'}`),
      ...problems.map((problem) => paint('red', `${indent}${problem}`)),
    ]),
    ...runs.flatMap(({ detail, problems }, index) => [
      `${lines[outcomes.length + index]}${mark(problems.length === 0, paint)}`,
      ...probeLines(detail?.facts.probe).map((line) => paint('dim', `${indent}${line}`)),
      ...(detail?.outputs ?? []).map((output) => paint('dim', `${indent}${outputLine(output)}`)),
      ...problems.map((problem) => paint('red', `${indent}${problem}`)),
    ]),
    '',
    ...checks.map(
      ({ promise, isKept, found }) =>
        `${mark(isKept, paint)} ${promise}: ${isKept ? found : paint('red', found)}`,
    ),
  ];
}

function toCells({ shipment, detail }: Outcome): string[] {
  const times = STAGES.map((stage) => toTime(detail, stage));
  // The mark takes the last column's place.
  return [shipment.source, shipment.title, byteSize(shipment.file.bytes), ...times, ''];
}

/** A run is of what its first run has brought home. */
function toRunCells({ shipment, detail }: Outcome): string[] {
  const [, , ...others] = toCells({ shipment, detail, problems: [] });
  return ['run', detail?.title ?? shipment.title, ...others];
}

type Probe = NonNullable<RecordingDetail['facts']['probe']>;

/** What is in a file, a line for the whole and one for each stream. */
function probeLines(probe: Probe | undefined): readonly string[] {
  if (probe === undefined) return [];
  const { container, bytes, durationS, streams } = probe;
  return [
    `probe  ${container}, ${durationS ?? '?'} s, ${bytes} bytes`,
    ...streams.map((stream) => `       ${toStream(stream)}`),
  ];
}

/** What an output is, and what it has cost. */
function outputLine({ step, bytes, cost }: RecordingDetail['outputs'][number]): string {
  if (cost === null) return `${step}  -`;
  const { cpuS, wallS, peakRssBytes } = cost;
  return `${step}  ${byteSize(bytes ?? 0)}, for ${cpuS.toFixed(1)} s of processor time in ${wallS.toFixed(1)} s, ${byteSize(peakRssBytes)} of memory at most`;
}

function toStream(stream: Probe['streams'][number]): string {
  const { kind, codec, width_px: widthPx, height_px: heightPx, frames_per_s: rate, channels } = stream;
  return [
    `${kind} ${codec ?? 'of an unknown kind'}`,
    ...(widthPx === null || heightPx === null ? [] : [`${widthPx} x ${heightPx} pixels`]),
    ...(rate === null ? [] : [`${rate} frames a second`]),
    ...(channels === null ? [] : [`${channels} ${channels === 1 ? 'channel' : 'channels'}`]),
  ].join(', ');
}

function toTime(detail: RecordingDetail | undefined, stage: Stage): string {
  const times = detail?.stages[stage];
  if (times?.startedAtMs == null || times.doneAtMs === null) return '-';
  return formatMs(times.doneAtMs - times.startedAtMs);
}

function mark(isGood: boolean, paint: Paint): string {
  return isGood ? paint('green', '✓') : paint('red', '✗');
}
