import type { Screen } from './io.ts';

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof STYLES;

/** Colours a text, or leaves it as it is where there are no colours. */
export type Paint = (style: Style | undefined, text: string) => string;

/** Colours are for terminals whose user has not declined them (no-color.org). */
export function createPaint(
  screen: Screen,
  options: { readonly env: Readonly<Record<string, string | undefined>>; readonly isDeclined: boolean },
): Paint {
  const { env, isDeclined } = options;
  const isColoured = screen.isTTY && !isDeclined && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return (style, text) =>
    isColoured && style !== undefined ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
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
