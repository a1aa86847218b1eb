import { KnownError } from './errors.ts';

/** Where something lies that is brought in by its address. */
export type InputAddress =
  | { readonly kind: 's3'; readonly bucket: string; readonly key: string }
  | { readonly kind: 'web'; readonly url: string }
  /** Below MEDIA_IN, wherever that is today: folders and a name, with slashes between. */
  | { readonly kind: 'media-in'; readonly path: string };

/** What is known of it without reading it. */
export interface FoundInput {
  readonly bytes: number | null;
  /** What tells its bytes from others; `null`: nothing does. */
  readonly validator: string | null;
  /** It is a file of this machine, which is read where it lies. */
  readonly file?: InputFile;
}

export interface InputFile {
  readonly modifiedAtMs: number;
  /** What it is, as the door found it. */
  readonly media: { readonly mime: string; readonly extension: string };
}

const FORMS = 's3://bucket/key, https://host/path or media-in:folder/file.mp4';

/**
 * @throws KnownError `INPUT_INVALID` for what is no address, `INPUT_NOT_ALLOWED` for a path that leads out of MEDIA_IN
 */
export function readInput(text: string): InputAddress {
  const [, scheme, rest = ''] = /^(s3:\/\/|https?:\/\/|media-in:)(.*)$/s.exec(text) ?? [];
  if (scheme === undefined) throw invalid(text, `an input looks like ${FORMS}`);
  if (scheme === 's3://') {
    const slash = rest.indexOf('/');
    const [bucket, key] = slash < 0 ? [rest, ''] : [rest.slice(0, slash), rest.slice(slash + 1)];
    if (bucket === '' || key === '' || key.endsWith('/')) throw invalid(text, 'it has to be s3://bucket/key');
    return { kind: 's3', bucket, key };
  }
  if (scheme !== 'media-in:') {
    if (!URL.canParse(text)) throw invalid(text, 'it cannot be read');
    const { username, password, href } = new URL(text);
    // It would stand in lists and logs.
    if (username !== '' || password !== '')
      throw invalid('it', 'it must not have a name or a password in it');
    return { kind: 'web', url: href };
  }
  const segments = rest.split('/');
  if (rest.startsWith('/') || segments.includes('..')) {
    throw new KnownError(`${JSON.stringify(text)} leads out of MEDIA_IN: its path has to lie below`, {
      code: 'INPUT_NOT_ALLOWED',
    });
  }
  if (rest.includes('\0') || segments.some((segment) => ['', '.'].includes(segment))) {
    throw invalid(text, 'its path has to be folders and a name, with one slash between');
  }
  return { kind: 'media-in', path: rest };
}

/** As it is kept: read back by `readInput`. */
export function inputText(address: InputAddress): string {
  switch (address.kind) {
    case 's3':
      return `s3://${address.bucket}/${address.key}`;
    case 'web':
      return address.url;
    case 'media-in':
      return `media-in:${address.path}`;
  }
}

/** As people are shown it: without what may be a secret. */
export function shownInput(address: InputAddress): string {
  if (address.kind !== 'web') return inputText(address);
  const { origin, pathname } = new URL(address.url);
  return `${origin}${pathname}`;
}

/** The name of its file. */
export function filenameOf(address: InputAddress): string {
  const path =
    address.kind === 's3'
      ? address.key
      : address.kind === 'web'
        ? new URL(address.url).pathname
        : address.path;
  const name = path.split('/').at(-1) ?? '';
  if (address.kind !== 'web') return name;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function invalid(text: string, why: string): KnownError {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return new KnownError(`${JSON.stringify(shown)} is no input: ${why}`, { code: 'INPUT_INVALID' });
}
