import { describe, expect, it } from 'vitest';
import { readableLog } from '../../../src/cli/logs/readable.ts';

type Change = (line: string) => string | undefined;
interface TerminalModule {
  forTerminal(line: string, options: { readable: Change; isStopping: boolean }): string | undefined;
  changeLines(stream: { write(text: string): boolean }, change: Change): (text: string) => boolean;
}

// Plain JavaScript, which has no types.
const { changeLines, forTerminal }: TerminalModule = await import(
  new URL('../../../scripts/start/terminal.mjs', import.meta.url).href
);

const AT = '2026-11-28T09:00:00';
const readable = await readableLog({ isColoured: false });
const shown = (line: string, isStopping = false) => forTerminal(line, { readable, isStopping });

describe('what npm start shows on a terminal', () => {
  it('is the log, readable', () => {
    const line = {
      level: 'warn',
      time: `${AT}.000Z`,
      app: 'tus',
      event: 'tus.without-tokens',
      msg: 'no tokens',
    };

    expect(shown(JSON.stringify(line))).toMatch(
      /^\[2026-11-28 .*\] WARN \(tus\): no tokens \{"event":"tus.without-tokens"\}$/,
    );
  });

  it.each([
    `${AT}: PM2 log: App [worker:1] starting in -fork mode-`,
    `${AT}: PM2 log: App [worker:1] online`,
    '[PM2] Applying action deleteProcessId on app [all](ids: [ 0, 1, 2, 3 ])',
  ])('is not %s', (line) => {
    expect(shown(line)).toBeUndefined();
  });

  it.each([
    `${AT}: PM2 log: App [worker:1] exited with code [1] via signal [SIGINT]`,
    `${AT}: PM2 log: App [worker:1] will restart in 100ms`,
  ])('is %s, unless all are to end', (line) => {
    expect(shown(line)).toBe(line);
    expect(shown(line, true)).toBeUndefined();
  });

  it.each([
    `${AT}: PM2 log: Process with pid 7 still alive after 12000ms, sending SIGKILL to 1 remaining pids...`,
    `${AT}: PM2 error: Error: EACCES`,
    'what a crash leaves',
  ])('is at any time %s', (line) => {
    expect(shown(line, true)).toBe(line);
  });

  it('is changed line by line, whatever is written at once', () => {
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text) > 0 };

    const write = changeLines(stream, (line: string) => (line === 'b' ? undefined : line.toUpperCase()));
    stream.write('a\nb\nc\n');
    stream.write('b\n');
    stream.write('no line');
    write('as it is\n');

    expect(written).toEqual(['A\nC\n', 'no line', 'as it is\n']);
  });
});
