import { UploadRefused } from './refusal.ts';

/** What a tutor's client says of an upload. */
export interface UploadMetadata {
  readonly aceId: string;
  readonly title?: string;
  readonly filename?: string;
  readonly filetype?: string;
}

export type RawMetadata = Readonly<Record<string, string | null>>;

/** In characters. */
const MAX_LENGTHS = { ace_id: 200, title: 1000, filename: 500, filetype: 200 } as const;

/**
 * Reads the tus metadata; keys that nobody asked for are passed over.
 *
 * @throws UploadRefused
 */
export function readMetadata(raw: RawMetadata | undefined): UploadMetadata {
  const aceId = bounded(raw, 'ace_id');
  if (aceId === undefined) throw new UploadRefused(400, 'ACE_ID_MISSING', 'The upload carries no ace_id.');
  if (/\p{Cc}/u.test(aceId)) {
    throw new UploadRefused(400, 'REQUEST_INVALID', 'The ace_id has control characters.');
  }
  return {
    aceId,
    title: bounded(raw, 'title'),
    filename: bounded(raw, 'filename'),
    filetype: bounded(raw, 'filetype'),
  };
}

function bounded(raw: RawMetadata | undefined, key: keyof typeof MAX_LENGTHS): string | undefined {
  const value = raw?.[key];
  if (value === undefined || value === null || value.trim() === '') return undefined;
  if (value.length > MAX_LENGTHS[key]) {
    throw new UploadRefused(
      400,
      'REQUEST_INVALID',
      `The ${key} is longer than ${MAX_LENGTHS[key]} characters.`,
    );
  }
  return value;
}
