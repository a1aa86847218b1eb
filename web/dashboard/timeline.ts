import type { RecordingDetail } from './types.ts';

/** A stretch of a recording's time: somebody waits, or an attempt is made. */
export interface Stretch {
  readonly kind: 'wait' | 'attempt';
  readonly fromMs: number;
  readonly toMs: number;
  /** The attempt's place among the attempts. */
  readonly index?: number;
  readonly x: number;
  readonly width: number;
}

export interface Timeline {
  readonly stretches: readonly Stretch[];
  /** Where a time lies. */
  xOf(atMs: number): number;
}

const SHORTEST_ATTEMPT = 40;

/**
 * Lays a recording's life out on a line. Waits may take days and attempts seconds, so that one scale would show nothing
 * of either: each wait gets the same small width and says how long it was, and the attempts share the rest by their
 * length.
 */
export function layOut(detail: RecordingDetail, width: number, nowMs: number): Timeline {
  const plain: Omit<Stretch, 'x' | 'width'>[] = [];
  let atMs = Date.parse(detail.accepted_at);
  detail.attempts.forEach((attempt, index) => {
    const fromMs = Math.max(atMs, Date.parse(attempt.started_at));
    if (fromMs - atMs > 50) plain.push({ kind: 'wait', fromMs: atMs, toMs: fromMs });
    const next = detail.attempts[index + 1];
    const openEndMs = next === undefined ? nowMs : Date.parse(next.started_at);
    const endMs = attempt.ended_at === null ? openEndMs : Date.parse(attempt.ended_at);
    const toMs =
      attempt.outcome === 'interrupted' && attempt.ended_at === null ? lastSignMs(attempt, endMs) : endMs;
    atMs = Math.max(fromMs, toMs);
    plain.push({ kind: 'attempt', index, fromMs, toMs: atMs });
  });
  const isWaiting = ['waiting', 'backing-off', 'set-aside'].includes(detail.state);
  if (isWaiting) plain.push({ kind: 'wait', fromMs: atMs, toMs: Math.max(atMs, nowMs) });

  const waits = plain.filter(({ kind }) => kind === 'wait').length;
  const attempts = plain.length - waits;
  const waitWidth = waits === 0 ? 0 : Math.min(96, (width * 0.4) / waits);
  const room = Math.max(0, width - waits * waitWidth);
  const totalMs = plain.reduce(
    (sum, each) => sum + (each.kind === 'attempt' ? each.toMs - each.fromMs : 0),
    0,
  );
  const least = attempts === 0 ? 0 : Math.min(SHORTEST_ATTEMPT, room / attempts);
  const shared = room - least * attempts;
  let x = 0;
  const stretches = plain.map((each): Stretch => {
    const share = totalMs === 0 ? 1 / Math.max(1, attempts) : (each.toMs - each.fromMs) / totalMs;
    const own = each.kind === 'wait' ? waitWidth : least + share * shared;
    const stretch = { ...each, x, width: own };
    x += own;
    return stretch;
  });

  return {
    stretches,
    xOf(wantedMs) {
      const around = stretches.find(({ toMs }) => wantedMs <= toMs) ?? stretches.at(-1);
      if (around === undefined) return 0;
      const lengthMs = Math.max(1, around.toMs - around.fromMs);
      const share = Math.min(1, Math.max(0, (wantedMs - around.fromMs) / lengthMs));
      return around.x + share * around.width;
    },
  };
}

/** An attempt whose worker died lasted at least until the last that was heard of it. */
function lastSignMs(attempt: RecordingDetail['attempts'][number], latestMs: number): number {
  const signs = attempt.stages.flatMap(({ started_at, done_at }) => [
    started_at,
    ...(done_at ? [done_at] : []),
  ]);
  return Math.min(
    latestMs,
    Math.max(Date.parse(attempt.started_at), ...signs.map((sign) => Date.parse(sign))),
  );
}
