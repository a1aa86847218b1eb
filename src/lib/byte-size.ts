const UNITS = ['kB', 'MB', 'GB', 'TB'];

/** A number of bytes for people, in decimal units: `391 kB`, `2.5 GB`. */
export function byteSize(bytes: number): string {
  let value = bytes;
  let unit = 'B';
  for (const next of UNITS) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  return `${value < 9.95 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
