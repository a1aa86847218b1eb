/** The key under which a file in the archive names, in its file info, the recording that it holds. */
export const ARCHIVED_RECORDING = 'sluice_recording';

/** The longest slug, in bytes; well inside B2's 250 bytes per segment and every file system's 255. */
const MAX_SLUG_BYTES = 80;

/**
 * A title as a part of a file name: letters and digits of any script, joined by single hyphens; empty when the title
 * has none.
 */
export function slug(title: string): string {
  const words = title.normalize('NFC').match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  let joined = '';
  for (const character of words.join('-')) {
    if (Buffer.byteLength(joined + character) > MAX_SLUG_BYTES) break;
    joined += character;
  }
  return joined.replace(/-+$/, '');
}

/**
 * The name of a recording in the archive, without its extension: `source/yyyy/mm/dd/title-id`, by the day (UTC) on which
 * it was accepted, or in the folder that it was given. The same recording always gets the same one, and no other does.
 */
export function archiveStem(recording: {
  readonly id: string;
  readonly source: string;
  readonly title: string;
  readonly acceptedAtMs: number;
  readonly placement?: { readonly folder: string | null } | null;
}): string {
  const day = new Date(recording.acceptedAtMs).toISOString().slice(0, 10).replaceAll('-', '/');
  const stem = [slug(recording.title), recording.id.replace('rec_', '')].filter(Boolean).join('-');
  return `${recording.placement?.folder ?? `${recording.source}/${day}`}/${stem}`;
}

/** The name of a recording in the archive: its stem and its extension. */
export function archiveName(
  recording: Parameters<typeof archiveStem>[0] & { readonly extension: string },
): string {
  return `${archiveStem(recording)}.${recording.extension}`;
}

/** A title fit for one line anywhere: no control characters, white space folded, at most 250 characters. */
export function cleanTitle(raw: string): string {
  // Bidirectional overrides can make a name read as something else.
  const folded = raw.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return Array.from(folded).slice(0, 250).join('').trimEnd();
}
