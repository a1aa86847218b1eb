import type { ErrorSummary } from './errors.ts';

/** What of a message belongs to one recording: names in quotes, addresses, paths, ids, numbers. */
const PARTICULARS = /"[^"]*"|'[^']*'|https?:\/\/\S+|\/[^\s:;,)]+|\b[\w-]*\d[\w-]*\b/g;

/** What is the same for all errors of one cause, whichever recording met them. */
export function causeOf({ code, message }: ErrorSummary): string {
  return `${code}: ${message.replace(PARTICULARS, '…').slice(0, 300)}`;
}
