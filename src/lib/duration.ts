const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of a duration such as `90`, `90s`, `10m`, `1.5h` or `2d`; `undefined` if it is none. */
export function durationSeconds(text: string): number | undefined {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)\s*([smhd])?$/.exec(text.trim().toLowerCase()) ?? [];
  return amount === undefined ? undefined : Number(amount) * (SECONDS[unit] ?? 1);
}
