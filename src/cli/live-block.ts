import type { Screen } from './io.ts';
import { widthOf } from './text-width.ts';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

/** Some lines at the end of a terminal that are drawn over themselves. */
export interface LiveBlock {
  /** Draws the block anew; what does not fit on the screen is left out. */
  draw(lines: readonly string[]): void;
  /** Prints lines that stay, above the block. */
  say(lines: readonly string[]): void;
  /** Removes the block and gives the cursor back; again does nothing. */
  end(): void;
}

/** @param screen A terminal */
export function createLiveBlock(screen: Screen): LiveBlock {
  let drawn: readonly string[] = [];
  let isHidden = false;
  let hasEnded = false;

  /** The terminal may have become narrower since, and have wrapped what it showed. */
  function erase(): string {
    const columns = Math.max(1, screen.columns);
    const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
    return rows === 0 ? '' : `\r\u001b[${rows}A\u001b[0J`;
  }

  function redraw(lines: readonly string[], before: readonly string[]): void {
    const visible = lines.slice(0, Math.max(1, screen.rows - 1));
    const hide = isHidden ? '' : HIDE_CURSOR;
    isHidden = true;
    // One write, so that no half of it is ever seen.
    screen.write(`${hide}${erase()}${[...before, ...visible].map((line) => `${line}\n`).join('')}`);
    drawn = visible;
  }

  return {
    draw(lines) {
      if (!hasEnded) redraw(lines, []);
    },
    say(lines) {
      if (!hasEnded) redraw(drawn, lines);
    },
    end() {
      if (hasEnded) return;
      hasEnded = true;
      if (isHidden) screen.write(`${erase()}${SHOW_CURSOR}`);
      drawn = [];
    },
  };
}
