/** The path segment that names a meeting: encoded, and encoded again if it starts with `/` or contains `//` (Zoom, API). */
export function toPathSegment(uuid: string): string {
  const once = encodeURIComponent(uuid);
  return needsTwice(uuid) ? encodeURIComponent(once) : once;
}

/**
 * The uuid or number in a path segment, or `undefined` where Zoom does not find its way: its gateway decodes the path
 * once, and a slash at the start or a double slash that appears then makes it another path.
 */
export function toMeetingKey(segment: string): string | undefined {
  try {
    const once = decodeURIComponent(segment);
    return needsTwice(once) ? undefined : decodeURIComponent(once);
  } catch {
    return undefined;
  }
}

function needsTwice(uuid: string): boolean {
  return uuid.startsWith('/') || uuid.includes('//');
}
