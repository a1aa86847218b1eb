import { isUtf8 } from 'node:buffer';
import { UploadRefused } from './refusal.ts';

/** What a tutor's client says of an upload. */
export interface UploadMetadata {
  readonly aceId: string;
  readonly title?: string;
  readonly filename?: string;
  readonly filetype?: string;
  /** The way that the recording is to go. */
  readonly recipe?: string;
}

export type RawMetadata = Readonly<Record<string, string | null>>;

/** In characters. */
const MAX_LENGTHS = { ace_id: 200, title: 1000, filename: 500, filetype: 200, recipe: 40 } as const;

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
    recipe: bounded(raw, 'recipe'),
  };
}

/** Keys that decide what an upload is: what they say is taken exactly or not at all. */
const EXACT_KEYS: ReadonlySet<string> = new Set(['ace_id', 'token', 'recipe']);

const KNOWN_KEYS: ReadonlySet<string> = new Set([...Object.keys(MAX_LENGTHS), ...EXACT_KEYS]);

/**
 * An Upload-Metadata header in the one form that the library takes: clients put blanks and commas where they like, leave
 * the padding of base64 out or write its URL form. What nobody needs and nobody can read is left out. Text that is not
 * UTF-8 is taken for Windows-1252, as old systems write it.
 *
 * @returns `undefined` where nothing is left
 * @throws UploadRefused
 */
export function tidyMetadata(header: string): string | undefined {
  if (header.trim() === '') return undefined;
  const texts = header.split(',').filter((text) => text.trim() !== '');
  if (texts.length === 0) throw badMetadata('Upload-Metadata holds no pair of a key and a value.');
  const pairs = new Map<string, string>();
  for (const text of texts) {
    const [key = '', ...pieces] = text.trim().split(/\s+/);
    // The library takes the names of what every object has for repetitions.
    if (!/^[\x21-\x7e]+$/.test(key) || key in {}) continue;
    const value = tidyValue(key, pieces.join(''));
    if (value === undefined) continue;
    if (KNOWN_KEYS.has(key) && pairs.has(key) && pairs.get(key) !== value) {
      throw badMetadata(`Upload-Metadata says two things of ${key}.`);
    }
    if (!pairs.has(key)) pairs.set(key, value);
  }
  const tidy = [...pairs].map(([key, value]) => (value === '' ? key : `${key} ${value}`));
  return tidy.length === 0 ? undefined : tidy.join(',');
}

/** A value in plain base64; `undefined` for one that cannot be read and is not needed. @throws UploadRefused */
function tidyValue(key: string, written: string): string | undefined {
  const digits = written.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  const isExact = EXACT_KEYS.has(key);
  if (!/^[A-Za-z0-9+/]*$/.test(digits) || digits.length % 4 === 1) {
    if (isExact) throw badMetadata(`The ${key} in Upload-Metadata is not base64.`);
    return undefined;
  }
  const bytes = Buffer.from(digits, 'base64');
  if (!KNOWN_KEYS.has(key) || isUtf8(bytes)) return bytes.toString('base64');
  if (isExact) throw badMetadata(`The ${key} in Upload-Metadata is not UTF-8.`);
  return Buffer.from(new TextDecoder('windows-1252').decode(bytes)).toString('base64');
}

function badMetadata(sentence: string): UploadRefused {
  return new UploadRefused(
    400,
    'REQUEST_INVALID',
    sentence,
    'Send comma-separated pairs: key, blank, base64 of UTF-8.',
  );
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
