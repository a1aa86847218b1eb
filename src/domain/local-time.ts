/** A moment on the clock and the calendar of a time zone. */
export interface LocalTime {
  /** `yyyy-mm-dd`. */
  readonly date: string;
  /** `hh:mm`. */
  readonly time: string;
  /** Minutes since midnight. */
  readonly minute: number;
  /** 0 for Sunday to 6 for Saturday. */
  readonly weekday: number;
}

/** How many time zones are remembered; people record in fewer, and the rest may be nonsense. */
const MOST_ZONES = 100;

/** Making one takes longer than all else that is done with a webhook. */
const formats = new Map<string, Intl.DateTimeFormat | undefined>();

/** The calendar of a time zone; `undefined` if this runtime does not know it. */
function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  if (!formats.has(timeZone)) {
    if (formats.size >= MOST_ZONES) formats.clear();
    formats.set(timeZone, newFormat(timeZone));
  }
  return formats.get(timeZone);
}

function newFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
  } catch {
    return undefined;
  }
}

/** Whether this runtime knows the time zone. */
export function isTimeZone(name: string): boolean {
  return formatOf(name) !== undefined;
}

/**
 * What clocks in a time zone show at a moment.
 *
 * @throws RangeError for a time zone that this runtime does not know
 */
export function localTime(atMs: number, timeZone: string): LocalTime {
  const format = formatOf(timeZone);
  if (format === undefined) throw new RangeError(`there is no time zone ${timeZone}`);
  const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
  const date = `${parts['year']}-${parts['month']}-${parts['day']}`;
  return {
    date,
    time: `${parts['hour']}:${parts['minute']}`,
    minute: Number(parts['hour']) * 60 + Number(parts['minute']),
    weekday: new Date(`${date}T00:00:00Z`).getUTCDay(),
  };
}
