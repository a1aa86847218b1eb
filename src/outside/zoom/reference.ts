/** What a person calls a recorded meeting. */
export type ZoomReference =
  | { readonly kind: 'uuid' | 'number'; readonly value: string }
  /** A page of Zoom; its path is what tells it from others. */
  | { readonly kind: 'link'; readonly path: string };

/**
 * Reads what a person has pasted: a meeting's UUID, plain or encoded for an address; its number; the page of the Zoom
 * portal that shows its recording; a link to share, to play or to join it. `undefined` if it is none of these.
 */
export function readZoomReference(text: string): ZoomReference | undefined {
  const trimmed = text.trim();
  if (/^https?:\/\//i.test(trimmed)) return URL.canParse(trimmed) ? fromUrl(new URL(trimmed)) : undefined;
  return fromName(trimmed);
}

/** What identifies a page of Zoom among others, whichever host and query a person has copied with it. */
export function linkPath(link: string): string | undefined {
  return URL.canParse(link) ? new URL(link).pathname.replace(/\/+$/, '') : undefined;
}

function fromUrl(url: URL): ZoomReference | undefined {
  const named = url.searchParams.get('meeting_id') ?? url.searchParams.get('meetingId');
  // A plus sign that was not encoded reads as a blank.
  if (named !== null) return fromName(named.replaceAll(' ', '+'));
  const path = url.pathname.replace(/\/+$/, '');
  const number = /^\/(?:j|s|w|wc)\/(?:join\/)?(\d{9,12})$/.exec(path)?.[1];
  if (number !== undefined) return { kind: 'number', value: number };
  return /^\/rec(ording)?\/(share|play)\/[^/]+/.test(path) ? { kind: 'link', path } : undefined;
}

function fromName(name: string): ZoomReference | undefined {
  const digits = name.replace(/[\s-]/g, '');
  if (/^\d{9,12}$/.test(digits)) return { kind: 'number', value: digits };
  const value = decoded(decoded(name));
  return /^[A-Za-z0-9+/_-]{8,}={0,2}$/.test(value) ? { kind: 'uuid', value } : undefined;
}

/** Percent signs are no part of a UUID, so one that has any is encoded. */
function decoded(text: string): string {
  try {
    return text.includes('%') ? decodeURIComponent(text) : text;
  } catch {
    return text;
  }
}
