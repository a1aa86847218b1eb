import type { WriteStream } from 'node:tty';
import { clip, formatBytes, type Paint, type Style } from './format.ts';
import type { Row, Service } from './watch.ts';

/** Shows how far the recordings are. */
export interface ProgressView {
  /** Prints a line that stays. */
  say(line: string): void;
  show(rows: readonly Row[]): void;
  /** Leaves what was shown last where it is. */
  end(): void;
}

const SERVICES: readonly Service[] = ['cdn', 'b2', 'bunny'];
const HEADINGS: Readonly<Record<Service, string>> = { cdn: 'Zoom CDN', b2: 'B2', bunny: 'Bunny' };

const STATE_STYLES: Readonly<Record<string, Style>> = {
  moving: 'cyan',
  sending: 'cyan',
  cut: 'yellow',
  retrying: 'yellow',
  done: 'green',
  failed: 'red',
};

const WIDTHS = { source: 6, title: 26, state: 8, stage: 7, percent: 5, service: 8 } as const;
const MIN_TITLE_WIDTH = 8;
const MAX_BAR_WIDTH = 24;
const MIN_BAR_WIDTH = 6;

/** A block of lines, one per recording, that is drawn over itself. */
export function createLiveView(output: WriteStream, paint: Paint): ProgressView {
  let drawn: readonly string[] = [];

  function erase(): string {
    return drawn.length === 0 ? '' : `\u001b[${drawn.length}A\u001b[0J`;
  }

  function draw(lines: readonly string[], before = ''): void {
    // One write, so that no half of it is ever seen.
    output.write(`${erase()}${before}${lines.map((line) => `${line}\n`).join('')}`);
    drawn = lines;
  }

  return {
    say: (line) => draw(drawn, `${line}\n`),
    show: (rows) => draw(toBlock(rows, output.columns || 80, paint)),
    end() {
      drawn = [];
    },
  };
}

/** Lines with the time passed, printed when a recording's state or stage has changed. */
export function createPlainView(write: (text: string) => void): ProgressView {
  const startedMs = performance.now();
  const last = new Map<string, string>();

  function say(line: string): void {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    write(`${seconds.padStart(6)} s  ${line}\n`);
  }

  return {
    say,
    show(rows) {
      for (const row of rows) {
        const position = `${row.state} ${row.stage}`.trim();
        // Neither is a step of its own: not begun yet, and between two stages.
        if (position === 'unsent' || position === 'moving') continue;
        const shown = `${position} ${row.problem ?? ''}`;
        if (last.get(row.key) === shown) continue;
        last.set(row.key, shown);
        const counters = SERVICES.flatMap((service) => {
          const bytes = row.passed[service];
          return bytes === row.totalBytes && bytes ? [`${HEADINGS[service]} ${formatBytes(bytes)}`] : [];
        });
        const facts = [row.problem, counters.join(', ')].filter(Boolean).join('; ');
        say(
          `${clip(row.source, WIDTHS.source)}  ${clip(row.title, WIDTHS.title)}  ${clip(position, 15)}  ${facts}`.trimEnd(),
        );
      }
    },
    end() {},
  };
}

/** The heading, and a line for each recording; none is wider than `columns`. */
function toBlock(rows: readonly Row[], columns: number, paint: Paint): readonly string[] {
  const services = SERVICES.length * (WIDTHS.service + 1);
  const stageWidth = Math.max(WIDTHS.stage, ...rows.map(({ stage }) => stage.length));
  const fixed = WIDTHS.source + WIDTHS.state + stageWidth + WIDTHS.percent + services + 6;
  const free = Math.max(columns - 1 - fixed, MIN_TITLE_WIDTH + MIN_BAR_WIDTH);
  const barWidth = Math.min(MAX_BAR_WIDTH, Math.max(MIN_BAR_WIDTH, Math.floor(free / 3)));
  const titleWidth = Math.min(WIDTHS.title, free - barWidth);

  const heading = [
    clip('', WIDTHS.source),
    clip('', titleWidth),
    clip('state', WIDTHS.state),
    clip('stage', stageWidth),
    clip('', barWidth + WIDTHS.percent),
    ...SERVICES.map((service) => HEADINGS[service].padStart(WIDTHS.service)),
  ].join(' ');
  const lines = rows.map((row) => {
    const style = STATE_STYLES[row.state];
    const state = clip(row.state, WIDTHS.state);
    return [
      clip(row.source, WIDTHS.source),
      clip(row.title, titleWidth),
      style === undefined ? state : paint(style, state),
      clip(row.stage, stageWidth),
      toBar(row, barWidth),
      ...SERVICES.map((service) => toCount(row.passed[service]).padStart(WIDTHS.service)),
    ].join(' ');
  });
  const problems = rows.flatMap(({ state, problem }) =>
    problem === undefined || state === 'done' ? [] : [paint('red', clip(`       ${problem}`, columns - 1))],
  );
  return ['', paint('dim', clip(heading, columns - 1).trimEnd()), ...lines, ...problems];
}

function toBar({ doneBytes, totalBytes }: Row, width: number): string {
  if (doneBytes === undefined || !totalBytes) return ' '.repeat(width + WIDTHS.percent);
  const share = Math.min(1, doneBytes / totalBytes);
  const full = Math.round(share * width);
  const percent = `${Math.floor(share * 100)} %`.padStart(WIDTHS.percent);
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}${percent}`;
}

function toCount(bytes: number | undefined): string {
  if (bytes === undefined) return '';
  return bytes === 0 ? '-' : formatBytes(bytes);
}
