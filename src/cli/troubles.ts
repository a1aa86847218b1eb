import type { Status } from './api-shapes.ts';
import type { Style } from './paint.ts';
import { printable } from './text-width.ts';

/** What does not move, and what to do about it, line by line. */
export function troubleLines({ troubles }: Pick<Status, 'troubles'>): [Style | undefined, string][] {
  return troubles.flatMap(({ title, advice }): [Style | undefined, string][] => [
    ['red', `! ${printable(title)}`],
    [undefined, `  → ${advice}`],
  ]);
}
