/** What the link that led here says of the upload. */
export interface Link {
  readonly aceId: string | undefined;
  readonly title: string | undefined;
  /** With which the website allows the upload of one recording. */
  readonly token: string | undefined;
  /** How large the token lets the file be. */
  readonly maxBytes: number | undefined;
  /** The language that the page is to be in. */
  readonly language: string | undefined;
}

/**
 * Reads `#ace_id=…&token=…&title=…&lang=…`, or the same as a query. A token carries its recording's ace_id, and may carry its
 * title: whether it is genuine is for the server to say.
 */
export function readLink({ hash, search }: { hash: string; search: string }): Link {
  const [fragment, query] = [new URLSearchParams(hash.slice(1)), new URLSearchParams(search)];
  const read = (name: string) => (fragment.get(name) ?? query.get(name))?.trim() || undefined;
  const token = read('token');
  const claims = claimsOf(token);
  return {
    aceId: read('ace_id') ?? claims.ace_id,
    title: read('title') ?? claims.title,
    token,
    maxBytes: claims.max_bytes,
    language: read('lang'),
  };
}

interface Claims {
  readonly ace_id?: string;
  readonly title?: string;
  readonly max_bytes?: number;
}

function claimsOf(token: string | undefined): Claims {
  const payload = token?.split('.')[1];
  if (payload === undefined) return {};
  try {
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, '+').replace(/_/g, '/')), (letter) =>
      letter.charCodeAt(0),
    );
    const { ace_id, title, max_bytes } = JSON.parse(new TextDecoder().decode(bytes));
    return {
      ...(typeof ace_id === 'string' ? { ace_id } : {}),
      ...(typeof title === 'string' ? { title } : {}),
      ...(Number.isSafeInteger(max_bytes) ? { max_bytes } : {}),
    };
  } catch {
    return {};
  }
}
