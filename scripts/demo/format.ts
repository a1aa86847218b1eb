/** A duration, such as `40 ms` or `2.1 s`. */
export function formatMs(ms: number): string {
  if (ms < 950) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 99_950 ? 1 : 0)} s`;
}
