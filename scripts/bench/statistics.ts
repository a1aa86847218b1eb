/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** Two cells of a table: median, and the spread from the least to the greatest. */
export function spread(values: readonly number[], digits = 2): [median: string, spread: string] {
  if (values.length === 0) return ['-', '-'];
  const show = (value: number) => value.toFixed(digits);
  return [show(median(values)), `${show(Math.min(...values))}..${show(Math.max(...values))}`];
}

/** The value that this share of the values does not exceed; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
