import type { WatchView } from '../../src/server/watch/watch-view.ts';

/** What the server says of the recording; or why it says nothing, in words for whoever wants to watch. */
export type Answer =
  | { readonly kind: 'told'; readonly view: WatchView; readonly number: number }
  | { readonly kind: 'refused'; readonly title: string; readonly advice: string }
  | { readonly kind: 'unreachable' };

/** What this page was opened for: `/watch/{id}#token={token}`. */
export interface Opened {
  readonly id: string;
  readonly token: string | undefined;
}

export function readOpened({ pathname, hash }: { pathname: string; hash: string }): Opened {
  const id = decodeURIComponent(pathname.split('/').filter(Boolean).at(-1) ?? '');
  return { id, token: new URLSearchParams(hash.slice(1)).get('token') ?? undefined };
}

const REFUSALS: Readonly<Record<string, readonly [string, string]>> = {
  WATCH_LINK_EXPIRED: ['This link has expired.', 'Ask for a new one where you got it.'],
  WATCH_LINK_INVALID: [
    'This link does not open this recording.',
    'Open it as you got it, to its last character, or ask for a new one.',
  ],
  LOGIN_REQUIRED: ['This recording is not shown to everybody.', 'Ask whoever sent you here for a link.'],
  NOT_LOCAL: ['This recording is not shown to everybody.', 'Ask whoever sent you here for a link.'],
  NOT_FOUND: ['There is no such recording.', 'Look at the address again.'],
  TOO_MANY_REQUESTS: ['Too much was asked of this server.', 'Wait a minute, and load the page again.'],
};

let answers = 0;

export async function ask({ id, token }: Opened): Promise<Answer> {
  try {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== undefined) headers['x-watch-token'] = token;
    const response = await fetch(`/watch/${encodeURIComponent(id)}/player`, { headers });
    if (response.ok) {
      answers += 1;
      return { kind: 'told', view: (await response.json()) as WatchView, number: answers };
    }
    const { code = '' } = (await response.json().catch(() => ({}))) as { code?: string };
    const words = REFUSALS[code];
    if (words === undefined) return { kind: 'unreachable' };
    return { kind: 'refused', title: words[0], advice: words[1] };
  } catch {
    return { kind: 'unreachable' };
  }
}
