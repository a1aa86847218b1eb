import { styleText } from 'node:util';
import type { Screen } from './io.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Colours a text, or leaves it as it is where there are no colours. */
export type Paint = (style: Style | undefined, text: string) => string;

/** Colours are for terminals whose user has not declined them (`NO_COLOR`, `FORCE_COLOR` and `TERM` count). */
export function createPaint({ stream }: Pick<Screen, 'stream'>, isDeclined = false): Paint {
  return (style, text) => (isDeclined || style === undefined ? text : styleText(style, text, { stream }));
}

/** In which colour the state of a recording is shown. */
export const STATE_STYLES: Readonly<Record<string, Style>> = {
  moving: 'cyan',
  'backing-off': 'yellow',
  'set-aside': 'yellow',
  cancelling: 'yellow',
  deleting: 'yellow',
  done: 'green',
  failed: 'red',
  cancelled: 'dim',
  deleted: 'dim',
};
