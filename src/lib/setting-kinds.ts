import { z } from 'zod';
import { durationSeconds } from './duration.ts';

export const text = () => z.string().trim().min(1);
export const secret = () => text();
export const url = () => z.url({ protocol: /^https?$/ }).transform((value) => value.replace(/\/+$/, ''));
export const number = () => z.coerce.number();
export const port = () => whole(1, 65_535);
export const whole = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  number().int({ error: 'must be a whole number' }).min(min).max(max);

/** What a comma-separated list holds. */
export function entriesOf(list: string): string[] {
  return list
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
}

export const duration = () =>
  z.string().transform((value, context) => {
    const seconds = durationSeconds(value);
    if (seconds !== undefined) return seconds;
    context.addIssue({ code: 'custom', message: 'must be a duration such as 300, 300s, 5m or 1h' });
    return z.NEVER;
  });

/** Seconds; a bare number counts hours. */
export const hours = () =>
  z.string().transform((value, context) => {
    const seconds = durationSeconds(/[smhd]\s*$/i.test(value) ? value : `${value}h`);
    if (seconds !== undefined && seconds > 0) return seconds;
    context.addIssue({ code: 'custom', message: 'must be hours such as 6, or a time such as 30m, 6h or 1d' });
    return z.NEVER;
  });
