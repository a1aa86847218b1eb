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
    // What is further away is not what was meant.
    const [meant, distance] = nearest(upper, Math.max(2, Math.floor(name.length / 4)));
    const isNear = distance <= (name.length < 8 ? 1 : 2);
    const isOurs = isOwnFile && PREFIXES.has(upper.split('_', 1)[0] ?? '');
    if (!isNear && !isOurs) return [];
    return [{ name, meant }];
  });
}

/** The setting that differs least from this name, by at most so many letters. */
function nearest(name: string, atMost: number): [meant: string | undefined, distance: number] {
  let best: [string | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
  for (const known of NAMES) {
    const distance = editDistance(name, known, Math.min(atMost, best[1] - 1));
    if (distance < best[1]) best = [known, distance];
  }
  return best;
}

/**
 * How many letters are too much, missing, wrong, or changed with their neighbour; infinite beyond `atMost`, which most
 * pairs of names are after their first letters.
 */
function editDistance(from: string, to: string, atMost: number): number {
  const tooMuch = Number.POSITIVE_INFINITY;
  if (Math.abs(from.length - to.length) > atMost) return tooMuch;
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  let leastAbove = 0;
  for (let row = 1; row <= from.length; row += 1) {
    const above = rows[row - 1] ?? [];
    const line = [row];
    let least = row;
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const cost = Math.min(
        (line[column - 1] ?? 0) + 1,
        (above[column] ?? 0) + 1,
        (above[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (rows[row - 2]?.[column - 2] ?? 0) + 1 : tooMuch,
      );
      line.push(cost);
      least = Math.min(least, cost);
    }
    // Two rows, since a change with a neighbour leaps over one.
    if (least > atMost && leastAbove > atMost) return tooMuch;
    leastAbove = least;
    rows.push(line);
  }
  return rows[from.length]?.[to.length] ?? 0;
}
