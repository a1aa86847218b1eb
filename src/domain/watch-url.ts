/** What an address may name of a recording. */
export const WATCH_BLANKS = ['ace_id', 'id', 'library_id', 'video_id'] as const;
type WatchBlank = (typeof WATCH_BLANKS)[number];

const BLANK = /\{([^{}]*)\}/g;

/** Whether it is an http address, and every blank in it is one that can be filled. */
export function isWatchUrl(template: string): boolean {
  const blanks = [...template.matchAll(BLANK)].map(([, name]) => name);
  const example = template.replace(BLANK, 'x');
  return (
    blanks.every((name) => (WATCH_BLANKS as readonly (string | undefined)[]).includes(name)) &&
    /^https?:\/\/[^/{}\s]+(\/|$)/i.test(template) &&
    URL.canParse(example)
  );
}

/** Where a recording is watched; what is filled in can change no other part of the address. */
export function fillWatchUrl(template: string, values: Readonly<Record<WatchBlank, string>>): string {
  return template.replace(BLANK, (_all, name: WatchBlank) => encodeURIComponent(values[name]));
}
