/**
 * `Retry-After` in milliseconds from `nowMs`: seconds or an HTTP date by its standard, or an ISO 8601 time as Zoom
 * writes it; `undefined` if it is absent or none of these.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  // Every date meant here has a letter; without one Date.parse finds a date in any number.
  const atMs = /[a-z]/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

/** A header that counts bytes, or `undefined` if it is absent or malformed. */
export function lengthFrom(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,15}$/.test(value.trim()) ? Number(value) : undefined;
}

/** `Content-Range: bytes 5-9/10` as `{start: 5, end: 10, total: 10}`; `total` is undefined for `*`. */
export function contentRange(
  value: string | undefined,
): { start: number | undefined; end: number | undefined; total: number | undefined } | undefined {
  const match = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(value?.trim() ?? '');
  if (match === null) return undefined;
  return {
    start: match[1] === undefined ? undefined : Number(match[1]),
    end: match[2] === undefined ? undefined : Number(match[2]) + 1,
    total: match[3] === '*' ? undefined : Number(match[3]),
  };
}
