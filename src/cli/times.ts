const UNITS_MS = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length of time as people write it (`90s`, `30m`, `2h`, `1.5d`), in milliseconds, or `undefined`. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?) ?(s|m|min|h|d)$/i.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Number(amount) * UNITS_MS[unit.toLowerCase() as keyof typeof UNITS_MS];
}

/**
 * A time as people write it, in milliseconds since 1970, or `undefined`: ISO 8601 (without a zone it is this machine's
 * time, without a time it is midnight), or from now on, such as `+2h`.
 */
export function parseTime(text: string, nowMs: number): number | undefined {
  const trimmed = text.trim();
  if (trimmed.startsWith('+')) {
    const duration = parseDuration(trimmed.slice(1));
    return duration === undefined ? undefined : nowMs + duration;
  }
  const [, date, time, zone = ''] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(trimmed) ?? [];
  if (date === undefined) return undefined;
  const ms = Date.parse(`${date}T${time ?? '00:00'}${zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')}`);
  return Number.isNaN(ms) || !isSameDay(date) ? undefined : ms;
}

/** Whether there is such a day: 2026-02-30 would silently become one in March. */
function isSameDay(date: string): boolean {
  const day = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date);
}

/** A time for people, of this machine's zone: `2026-11-21 10:14:05`. */
export function localTime(iso: string | null): string {
  if (iso === null) return '';
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}
