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

/** Whether this runtime knows the time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** What clocks in a time zone show at a moment. */
export function localTime(atMs: number, timeZone: string): LocalTime {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
  const date = `${parts['year']}-${parts['month']}-${parts['day']}`;
  return {
    date,
    time: `${parts['hour']}:${parts['minute']}`,
    minute: Number(parts['hour']) * 60 + Number(parts['minute']),
    weekday: new Date(`${date}T00:00:00Z`).getUTCDay(),
  };
}
