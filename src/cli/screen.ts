import type { WriteStream } from 'node:tty';
import type { Screen } from './io.ts';

/** A stream of the process as what a command writes to. */
export function screenOf(stream: WriteStream): Screen {
  return {
    stream,
    write: (text) => void stream.write(text),
    isTTY: stream.isTTY === true,
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || 24;
    },
  };
}
