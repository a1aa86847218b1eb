import { extname } from 'node:path';
import { B2Refusal, badRequest } from './errors.ts';

const MAX_NAME_BYTES = 1024;
const MAX_SEGMENT_BYTES = 250;
const MAX_INFO_KEY_BYTES = 50;
const MAX_HEADERS_BYTES = 7000;

/** The reserved info names that set headers of the download, with those headers. */
const DOWNLOAD_HEADERS: Readonly<Record<string, string>> = {
  'b2-content-disposition': 'content-disposition',
  'b2-content-language': 'content-language',
  'b2-expires': 'expires',
  'b2-cache-control': 'cache-control',
  'b2-content-encoding': 'content-encoding',
};

const TYPES_BY_EXTENSION: Readonly<Record<string, string>> = {
  '.json': 'application/json',
  '.m4a': 'audio/mp4',
  '.mkv': 'video/x-matroska',
  '.mov': 'video/quicktime',
  '.mp4': 'video/mp4',
  '.txt': 'text/plain',
  '.vtt': 'text/vtt',
  '.webm': 'video/webm',
};

/** Decodes a name or an info value from a header or a path, where `+` stands for a space (B2, string encoding). */
export function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    throw badRequest(`not percent-encoded UTF-8: ${encoded}`);
  }
}

/** Encodes a name or an info value for a header, leaving `/` as it is. */
export function encode(text: string): string {
  return text.split('/').map(encodeURIComponent).join('/');
}

/** Refuses a file name outside the strict set: what any page of B2's documentation, old or new, forbids. */
export function checkFileName(name: string): void {
  const refuse = (why: string) => {
    throw new B2Refusal(400, 'invalid_file_name', `File names must ${why}: ${JSON.stringify(name)}`);
  };
  if (name === '') refuse('not be empty');
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) refuse(`have at most ${MAX_NAME_BYTES} bytes`);
  if (/\p{Surrogate}/u.test(name)) refuse('be valid UTF-8');
  for (const char of name) {
    const code = char.codePointAt(0) ?? 0;
    if (code < 32 || code === 127 || char === '\\') refuse('not contain control characters or backslashes');
  }
  for (const segment of name.split('/')) {
    if (segment === '') refuse('not start or end with "/", nor contain "//"');
    if (segment === '.' || segment === '..') refuse('not have "." or ".." between slashes');
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) {
      refuse(`have at most ${MAX_SEGMENT_BYTES} bytes between slashes`);
    }
  }
}

/** Checks custom file info and the room it takes as headers together with the file's name; answers it lower-cased. */
export function checkFileInfo(
  fileName: string,
  info: Readonly<Record<string, string>>,
): Record<string, string> {
  const refuse = (why: string) => {
    throw new B2Refusal(400, 'invalid_file_info', why);
  };
  const checked: Record<string, string> = {};
  let headersBytes = `X-Bz-File-Name: ${encode(fileName)}\r\n`.length;
  for (const [name, value] of Object.entries(info)) {
    const key = name.toLowerCase();
    if (!/^[a-z0-9\-_.`!#$%^&*|~+']+$/.test(key)) refuse(`not a name for file info: ${name}`);
    if (key.length > MAX_INFO_KEY_BYTES)
      refuse(`file info names have at most ${MAX_INFO_KEY_BYTES} bytes: ${name}`);
    if (key.startsWith('b2-') && !(key in DOWNLOAD_HEADERS))
      refuse(`file info names on b2- are reserved: ${name}`);
    headersBytes += `X-Bz-Info-${key}: ${encode(value)}\r\n`.length;
    checked[key] = value;
  }
  if (headersBytes > MAX_HEADERS_BYTES) {
    refuse(
      `file name and file info take ${headersBytes} bytes as headers, at most ${MAX_HEADERS_BYTES} are allowed`,
    );
  }
  return checked;
}

/** The headers by which a download tells a file's custom info. */
export function toInfoHeaders(info: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(info).map(([key, value]) => {
      const header = DOWNLOAD_HEADERS[key];
      return header === undefined ? [`X-Bz-Info-${key}`, encode(value)] : [header, value];
    }),
  );
}

/** The content type to store: the one given, or for `b2/x-auto` the one that goes with the name's extension. */
export function toContentType(given: string, fileName: string): string {
  if (given !== 'b2/x-auto') return given;
  return TYPES_BY_EXTENSION[extname(fileName).toLowerCase()] ?? 'application/octet-stream';
}
