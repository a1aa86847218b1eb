/** A stretch of time, in milliseconds since 1970; `null` where it is not known. */
export interface Span {
  readonly startMs: number | null;
  readonly endMs: number | null;
}

/** The stretch of time that a file covers, as far as its source says it. */
export function spanOf(file: { readonly startedAt: string | null; readonly endedAt: string | null }): Span {
  const startMs = toMs(file.startedAt);
  const endMs = toMs(file.endedAt);
  return { startMs, endMs: startMs !== null && endMs !== null && endMs < startMs ? null : endMs };
}

/** Seconds that a span takes, or `null` if it is not known. */
export function secondsOf({ startMs, endMs }: Span): number | null {
  return startMs === null || endMs === null ? null : (endMs - startMs) / 1000;
}

/**
 * The segments of a meeting, by their start: one each time its recording was begun or gone on with. All files of one
 * segment begin together, give or take what Zoom needs for each; those of two segments hardly overlap.
 */
export function segmentsOf(spans: readonly Span[]): Span[] {
  const segments: Span[] = [];
  const sorted = spans.toSorted((a, b) => (a.startMs ?? 0) - (b.startMs ?? 0));
  for (const span of sorted) {
    if (span.startMs === null) continue;
    const at = segments.findIndex((segment) => isSameSegment(segment, span));
    const found = segments[at];
    if (found === undefined) segments.push(span);
    else if (found.endMs === null) segments[at] = { ...found, endMs: span.endMs };
  }
  return segments;
}

/**
 * The segment that a file belongs to: the one that begins with it, else the one that it overlaps most, else the only
 * one there is. -1 if that cannot be told.
 */
export function segmentIndex(segments: readonly Span[], span: Span): number {
  const exact = segments.findIndex(({ startMs }) => startMs !== null && startMs === span.startMs);
  if (exact >= 0) return exact;
  const overlaps = segments.map((segment) => overlapMs(segment, span));
  const most = Math.max(0, ...overlaps);
  if (most > 0) return overlaps.indexOf(most);
  return segments.length === 1 ? 0 : -1;
}

function isSameSegment(a: Span, b: Span): boolean {
  if (a.startMs === b.startMs) return true;
  const shorter = Math.min(secondsOf(a) ?? 0, secondsOf(b) ?? 0) * 1000;
  return shorter > 0 && overlapMs(a, b) > shorter / 2;
}

function overlapMs(a: Span, b: Span): number {
  if (a.startMs === null || a.endMs === null || b.startMs === null || b.endMs === null) return 0;
  return Math.min(a.endMs, b.endMs) - Math.max(a.startMs, b.startMs);
}

/** Zoom's times are in UTC, also where one does not say so. */
function toMs(time: string | null): number | null {
  const isZoneless = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(time ?? '');
  const ms = time === null ? Number.NaN : Date.parse(isZoneless ? `${time.replace(' ', 'T')}Z` : time);
  return Number.isNaN(ms) ? null : ms;
}
