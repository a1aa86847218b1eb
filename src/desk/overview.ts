import { localTime } from '../domain/local-time.ts';
import type { RecordingSummary } from '../domain/recording-summary.ts';
import type { Cause } from '../ledger/causes.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { wallMs } from '../lib/wall-time.ts';

const DAY_MS = 86_400_000;

/** A cause with the first of the recordings that go on, or the last that have failed. */
export interface CauseInSight extends Cause {
  readonly recordings: readonly RecordingSummary[];
}

/** What is next, what waits and for what, what has failed, what is done. */
export interface OverviewInSight {
  /** How many wait for nothing but their turn. */
  readonly inLineCount: number;
  readonly line: readonly RecordingSummary[];
  /** What goes on first is first. */
  readonly held: readonly CauseInSight[];
  /** What has failed last is first. */
  readonly failed: readonly CauseInSight[];
  readonly doneSinceCount: number;
  readonly done: readonly RecordingSummary[];
}

export interface OverviewQuery {
  /** From when on is counted what was done; the last 24 hours if it is not named. */
  readonly sinceMs: number | undefined;
  /** Of the line, and of what is done. */
  readonly limit: number;
  /** Of each cause. */
  readonly each: number;
}

/** What was done on a day of somebody's calendar. */
export interface DayDone {
  /** `yyyy-mm-dd`. */
  readonly day: string;
  readonly recordings: number;
  readonly bytes: number;
}

export async function readOverview(
  { overview, causes }: Pick<Ledger, 'overview' | 'causes'>,
  { sinceMs = wallMs() - DAY_MS, limit, each }: OverviewQuery,
): Promise<OverviewInSight> {
  const all = await causes.all();
  const held = all.filter(({ reason }) => reason !== 'failed');
  const failed = all.filter(({ reason }) => reason === 'failed');
  held.sort((a, b) => (a.nextAtMs ?? Number.POSITIVE_INFINITY) - (b.nextAtMs ?? Number.POSITIVE_INFINITY));
  failed.sort((a, b) => (b.lastEndedAtMs ?? 0) - (a.lastEndedAtMs ?? 0));

  const inSight = async (cause: Cause): Promise<CauseInSight> => {
    const ids = await causes.first(cause, each);
    const summaries = await overview.summaries(ids);
    return {
      ...cause,
      recordings: ids.flatMap((id) => summaries.filter(({ recording }) => recording.id === id)),
    };
  };
  return {
    inLineCount: await overview.inLineCount(),
    line: await overview.nextInLine(limit),
    held: await Promise.all(held.map(inSight)),
    failed: await Promise.all(failed.map(inSight)),
    doneSinceCount: await overview.doneSince(sinceMs),
    done: await overview.lastDone(limit),
  };
}

/**
 * What was done on each of so many days up to this one, oldest first.
 *
 * @param zone Whose days they are, such as `Asia/Colombo`
 */
export async function readDays(
  { overview }: Pick<Ledger, 'overview'>,
  count: number,
  zone: string,
): Promise<DayDone[]> {
  const nowMs = wallMs();
  const names = lastDays(count, localTime(nowMs, zone).date);
  // A day may have 25 hours, and begins elsewhere up to fourteen hours before or after.
  const quarters = await overview.doneByQuarter(nowMs - (count + 1) * DAY_MS);
  const done = new Map(names.map((day) => [day, { day, recordings: 0, bytes: 0 }]));
  for (const { startsAtMs, recordings, bytes } of quarters) {
    const day = done.get(localTime(startsAtMs, zone).date);
    if (day === undefined) continue;
    day.recordings += recordings;
    day.bytes += bytes;
  }
  return [...done.values()];
}

/** So many days up to this one, oldest first; a calendar's days have no zone. */
function lastDays(count: number, today: string): string[] {
  const todayMs = Date.parse(`${today}T00:00:00Z`);
  return Array.from({ length: count }, (_, index) =>
    new Date(todayMs - (count - 1 - index) * DAY_MS).toISOString().slice(0, 10),
  );
}
