import { byteSize } from '../../src/lib/byte-size.ts';
import { durationText } from '../../src/lib/duration-text.ts';

/* How numbers and times are written for people, in their own locale. */

/** The viewer's own; of the machine where there is no browser. */
const locale = (globalThis as { navigator?: { languages?: readonly string[] } }).navigator?.languages?.[0];

export const formatBytes = (bytes: number) => byteSize(bytes, locale);

export const formatDuration = (ms: number) => durationText(ms, locale);

/** Time left, no more exact than anybody can know it. */
export function formatLeft(seconds: number): string {
  if (seconds < 60) return seconds < 10 ? 'a few seconds left' : `${Math.ceil(seconds / 10) * 10} s left`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min left`;
  return `${formatDuration(Math.ceil(seconds / 60) * 60_000)} left`;
}

export function formatCount(count: number): string {
  return count.toLocaleString(locale);
}

const exact = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long' });
const timeOfDay = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const dayAndTime = new Intl.DateTimeFormat(locale, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const dayOfYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' });
const dayOnly = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
const withSeconds = new Intl.DateTimeFormat(locale, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

export function formatExact(at: Date): string {
  return exact.format(at);
}

export function formatDay(day: Date): string {
  return Number.isNaN(day.getTime()) ? '' : dayOfYear.format(day);
}

/** A time to the second, with its day unless that is today. */
export function formatMoment(at: Date): string {
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? withSeconds.format(at) : `${dayOnly.format(at)}, ${withSeconds.format(at)}`;
}

/** A time as short as it can be told: today's without the day, last year's without the hour. */
export function formatTime(at: Date, now = new Date()): string {
  if (at.toDateString() === now.toDateString()) return timeOfDay.format(at);
  return at.getFullYear() === now.getFullYear() || now.getTime() - at.getTime() < 180 * 86_400_000
    ? dayAndTime.format(at)
    : dayOfYear.format(at);
}
