/** What never reaches a log, wherever it stands in a line. */
const SECRETS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'token',
  'downloadToken',
  'download_token',
  'downloadUrl',
  'download_url',
  'password',
  'secret',
  'access_token',
  'accessToken',
  'adminToken',
  'secretToken',
  'clientSecret',
  'webhookSecret',
  'apiKey',
  'readOnlyApiKey',
  'applicationKey',
]);

/** How deep it is looked: what lies deeper is not written. */
const MOST_DEEP = 5;

/**
 * The same without its secrets; the very same where it has none. Errors, and what says by itself how it is written, are left as
 * they are.
 */
export function censor<T>(value: T): T {
  return censorWithin(value, []) as T;
}

function censorWithin(value: unknown, above: readonly unknown[]): unknown {
  if (typeof value !== 'object' || value === null || above.length > MOST_DEEP) return value;
  if (value instanceof Error || 'toJSON' in value) return value;
  if (above.includes(value)) return '[Circular]';
  const path = [...above, value];
  let copy: Record<string, unknown> | undefined;
  for (const [key, inner] of Object.entries(value)) {
    const shown = SECRETS.has(key) ? '[secret]' : censorWithin(inner, path);
    if (shown === inner) continue;
    copy ??= (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
    copy[key] = shown;
  }
  return copy ?? value;
}
