import { settings } from './settings.ts';

const NAMES = Object.keys(settings);

/** The first words of our settings, such as `ZOOM_`; OpenTelemetry's library reads others of its own. */
const PREFIXES = new Set(NAMES.map((name) => name.split('_', 1)[0]).filter((word) => word !== 'OTEL'));

/** A name that a setting was not given, and the one that was meant. */
export interface StrangeName {
  readonly name: string;
  readonly meant: string | undefined;
}

/**
 * Of these names those that look like settings of Sluice and are none. Strange is what differs from a setting by one
 * letter, by two in longer names, or only by its case; and, in a file of settings, what begins with the first word of
 * one. Anything else is another program's, and is left alone.
 */
export function strangeNames(names: readonly string[], { isOwnFile }: { isOwnFile: boolean }): StrangeName[] {
  return names.flatMap((name): StrangeName[] => {
    if (name in settings) return [];
    const upper = name.toUpperCase();
    const [meant, distance] = nearest(upper);
    const isNear = distance <= (name.length < 8 ? 1 : 2);
    const isOurs = isOwnFile && PREFIXES.has(upper.split('_', 1)[0] ?? '');
    if (!isNear && !isOurs) return [];
    return [{ name, meant: distance <= Math.max(2, name.length / 4) ? meant : undefined }];
  });
}

function nearest(name: string): [meant: string | undefined, distance: number] {
  let best: [string | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
  for (const known of NAMES) {
    // A longer name cannot be nearer than by what it has too much.
    if (Math.abs(known.length - name.length) >= best[1]) continue;
    const distance = editDistance(name, known);
    if (distance < best[1]) best = [known, distance];
  }
  return best;
}

/** How many letters are too much, missing, wrong, or changed with their neighbour. */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= from.length; row += 1) {
    const above = rows[row - 1] ?? [];
    const line = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const costs = [
        (line[column - 1] ?? 0) + 1,
        (above[column] ?? 0) + 1,
        (above[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (rows[row - 2]?.[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      ];
      line.push(Math.min(...costs));
    }
    rows.push(line);
  }
  return rows[from.length]?.[to.length] ?? 0;
}
