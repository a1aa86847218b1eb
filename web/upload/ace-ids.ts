/**
 * The ace_ids of several files under one link: the first file gets the link's own, the next ones get `-2`, `-3` and so on
 * behind it, passing over those that are taken.
 */
export function nextAceId(base: string, taken: ReadonlySet<string>): string {
  if (!taken.has(base)) return base;
  let number = 2;
  while (taken.has(`${base}-${number}`)) number += 1;
  return `${base}-${number}`;
}

/** Whether an ace_id is one that a link's files may have. */
export function belongsTo(base: string, aceId: string): boolean {
  return aceId === base || (aceId.startsWith(`${base}-`) && /^\d+$/.test(aceId.slice(base.length + 1)));
}
