/** `[[hours:]minutes:]seconds` with a fraction, or an amount of `s` (if nothing is said), `ms` or `us`. */
const CLOCK = /^(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)$/;
const AMOUNT = /^(\d{1,15}(?:\.\d{1,9})?)(s|ms|us)?$/;
const PERCENT = /^(\d{1,3}(?:\.\d{1,9})?)%$/;

const PER_S = { s: 1, ms: 1000, us: 1_000_000 };

/** A moment of a film as people name it: from its beginning on, or as a share of its length. */
export type Moment = { readonly s: number } | { readonly share: number };

/** What is said of a text that names no moment. */
export const MOMENT_RULE = 'a time such as 00:01:14.5, 74.5 or 200ms, or a share of the length such as 50%';

/** Reads a moment in the syntax of ffmpeg, or in percent; `undefined`: it is none. */
export function readMoment(text: string): Moment | undefined {
  const [, percent] = PERCENT.exec(text) ?? [];
  if (percent !== undefined) return Number(percent) <= 100 ? { share: Number(percent) / 100 } : undefined;
  const [, amount, unit = 's'] = AMOUNT.exec(text) ?? [];
  if (amount !== undefined) return { s: Number(amount) / PER_S[unit as keyof typeof PER_S] };
  const [, hours = '0', minutes, seconds] = CLOCK.exec(text) ?? [];
  if (minutes === undefined || Number(minutes) > 59 || Number(seconds) >= 60) return undefined;
  return { s: 3600 * Number(hours) + 60 * Number(minutes) + Number(seconds) };
}

/** Where a moment is in a film of this length, in seconds; it may lie behind the end. */
export function momentIn(moment: Moment, durationS: number): number {
  return 's' in moment ? moment.s : moment.share * durationS;
}

/** As WebVTT writes it: `00:01:14.500`. */
export function vttTime(seconds: number): string {
  const ms = Math.max(0, Math.round(seconds * 1000));
  const part = (of: number, digits: number) => String(of).padStart(digits, '0');
  const minutes = Math.floor(ms / 60_000);
  const clock = [Math.floor(minutes / 60), minutes % 60, Math.floor(ms / 1000) % 60];
  return `${clock.map((each) => part(each, 2)).join(':')}.${part(ms % 1000, 3)}`;
}
