import { timingSafeEqual } from 'node:crypto';

/** Whether two texts are the same, in a time that does not tell how much of them is; of any length and content. */
export function isSameText(one: string, other: string): boolean {
  // Bytes are compared, since characters may take several and then the lengths would not fit.
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
