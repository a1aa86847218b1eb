import { matchesGlob } from '../../domain/glob.ts';
import { isTimeZone, localTime } from '../../domain/local-time.ts';
import { spanOf } from '../../domain/segments.ts';
import type { Companion, Views } from './files.ts';
import type { ZoomMeeting } from './meeting.ts';

/** What a meeting must be for a rule to apply: all that is given must hold, of a list any one entry. */
export interface RuleConditions {
  /** Patterns of the host's e-mail address. */
  readonly host?: readonly string[];
  readonly meetingId?: readonly string[];
  /** Patterns of the topic. */
  readonly topic?: readonly string[];
  /** 0 for Sunday to 6 for Saturday. */
  readonly weekday?: readonly number[];
  /** Minutes since midnight, the second excluded; a window may go over midnight. */
  readonly time?: { readonly fromMinute: number; readonly toMinute: number };
  readonly minSeconds?: number;
  readonly maxSeconds?: number;
}

/** How the recordings of a meeting are brought home; what is not given stays as the settings say. */
export interface RuleSettings {
  readonly title?: string;
  readonly collection?: string;
  readonly folder?: string;
  readonly aceId?: string;
  readonly minSeconds?: number;
  readonly views?: Views;
  readonly companions?: readonly Companion[];
  readonly language?: string;
  /** The way that its videos go. */
  readonly recipe?: string;
}

/** One line of the operator's rules. */
export interface ZoomRule {
  readonly name: string;
  readonly conditions: RuleConditions;
  /** In which days, hours and dates are told; `null`: the meeting's own. */
  readonly timezone: string | null;
  readonly action: 'ignore' | RuleSettings;
}

/** The first rule that a meeting meets. */
export function findRule(rules: readonly ZoomRule[], meeting: ZoomMeeting): ZoomRule | undefined {
  return rules.find((rule) => meets(rule, meeting));
}

/** When the recording of a meeting began or, where no file says it, the meeting was to start. */
export function beginningOf(meeting: ZoomMeeting): number | null {
  const starts = meeting.files.map((file) => spanOf(file).startMs).filter((ms) => ms !== null);
  if (starts.length > 0) return Math.min(...starts);
  return spanOf({ startedAt: meeting.startTime, endedAt: null }).startMs;
}

/** The zone of a rule, else of the meeting, else UTC. */
export function zoneOf(rule: ZoomRule | undefined, meeting: ZoomMeeting): string {
  const named = rule?.timezone ?? meeting.timezone;
  return named !== null && isTimeZone(named) ? named : 'UTC';
}

/** How long a meeting was: from first to last byte of its recording or, if that is more, what Zoom says. */
function secondsOfMeeting(meeting: ZoomMeeting): number | null {
  const spans = meeting.files.map(spanOf);
  const starts = spans.map(({ startMs }) => startMs).filter((ms) => ms !== null);
  const ends = spans.map(({ endMs }) => endMs).filter((ms) => ms !== null);
  const spanned = starts.length && ends.length ? (Math.max(...ends) - Math.min(...starts)) / 1000 : 0;
  return Math.max(spanned, (meeting.durationMin ?? 0) * 60) || null;
}

function meets(rule: ZoomRule, meeting: ZoomMeeting): boolean {
  const { host, meetingId, topic, weekday, time, minSeconds, maxSeconds } = rule.conditions;
  const isAny = (patterns: readonly string[], text: string) =>
    patterns.some((pattern) => matchesGlob(pattern, text));
  if (host !== undefined && !isAny(host, meeting.hostEmail ?? '')) return false;
  if (meetingId !== undefined && !meetingId.includes(meeting.number)) return false;
  if (topic !== undefined && !isAny(topic, meeting.topic)) return false;

  if (minSeconds !== undefined || maxSeconds !== undefined) {
    const seconds = secondsOfMeeting(meeting);
    // What is not known meets nothing.
    if (seconds === null) return false;
    if (seconds < (minSeconds ?? 0) || seconds > (maxSeconds ?? Number.POSITIVE_INFINITY)) return false;
  }

  if (weekday === undefined && time === undefined) return true;
  const beginsAtMs = beginningOf(meeting);
  if (beginsAtMs === null) return false;
  const local = localTime(beginsAtMs, zoneOf(rule, meeting));
  if (weekday !== undefined && !weekday.includes(local.weekday)) return false;
  return time === undefined || isWithin(time, local.minute);
}

function isWithin(window: { fromMinute: number; toMinute: number }, minute: number): boolean {
  const { fromMinute, toMinute } = window;
  return fromMinute <= toMinute
    ? minute >= fromMinute && minute < toMinute
    : minute >= fromMinute || minute < toMinute;
}
