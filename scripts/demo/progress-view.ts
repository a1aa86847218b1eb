import type { Screen } from '../../src/cli/io.ts';
import { createLiveBlock } from '../../src/cli/live-block.ts';
import type { Paint, Style } from '../../src/cli/paint.ts';
import { clip, padEnd } from '../../src/cli/text-width.ts';
import { byteSize } from '../../src/lib/byte-size.ts';
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
export function createLiveView(screen: Screen, paint: Paint): ProgressView {
  const block = createLiveBlock(screen);
  let last: readonly string[] = [];
  return {
    say: (line) => block.say([line]),
    show(rows) {
      last = toBlock(rows, screen.columns, paint);
      block.draw(last);
    },
    end() {
      block.end();
      screen.write(last.map((line) => `${line}\n`).join(''));
      last = [];
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
          return bytes === row.totalBytes && bytes ? [`${HEADINGS[service]} ${byteSize(bytes)}`] : [];
        });
        const facts = [row.problem, counters.join(', ')].filter(Boolean).join('; ');
        say(
          `${column(row.source, WIDTHS.source)}  ${column(row.title, WIDTHS.title)}  ${column(position, 15)}  ${facts}`.trimEnd(),
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
    column('', WIDTHS.source),
    column('', titleWidth),
    column('state', WIDTHS.state),
    column('stage', stageWidth),
    column('', barWidth + WIDTHS.percent),
    ...SERVICES.map((service) => HEADINGS[service].padStart(WIDTHS.service)),
  ].join(' ');
  const lines = rows.map((row) => {
    const style = STATE_STYLES[row.state];
    const state = column(row.state, WIDTHS.state);
    return [
      column(row.source, WIDTHS.source),
      column(row.title, titleWidth),
      style === undefined ? state : paint(style, state),
      column(row.stage, stageWidth),
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
  return bytes === 0 ? '-' : byteSize(bytes);
}

/** A text as wide as asked for; what does not fit ends in an ellipsis. */
function column(text: string, width: number): string {
  return padEnd(clip(text, width), width);
}
