import { open } from 'node:fs/promises';
import { KnownError } from '../domain/errors.ts';
import type { Recording } from '../domain/recording.ts';
import { firstBytesOf, type MediaType, mediaTypeOf } from '../lib/media-type.ts';

/** More text than this is looked at only where it begins. */
const MAX_TEXT_BYTES = 32 * 1024 * 1024;

const TYPES: Readonly<Record<string, MediaType>> = {
  vtt: { mime: 'text/vtt', extension: 'vtt' },
  json: { mime: 'application/json', extension: 'json' },
  csv: { mime: 'text/csv', extension: 'csv' },
  jpg: { mime: 'image/jpeg', extension: 'jpg' },
  txt: { mime: 'text/plain', extension: 'txt' },
};

const BY_COMPANION: Readonly<Record<string, keyof typeof TYPES>> = {
  transcript: 'vtt',
  cc: 'vtt',
  timeline: 'json',
  poll: 'csv',
  thumbnail: 'jpg',
};

/**
 * Makes sure that a companion holds what its kind should, and not a page that was sent in its place.
 *
 * @throws KnownError `DOWNLOAD_NOT_MEDIA` for a web page, `COMPANION_INVALID` for anything else that it should not be
 */
export async function requireCompanion({ details }: Recording, path: string): Promise<MediaType> {
  const companion = String(details['companion']);
  const firstBytes = await firstBytesOf(path);
  const beginning = firstBytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (/^<(!doctype|html|head|body|\?xml)/i.test(beginning)) {
    throw new KnownError(`Zoom sent a web page instead of the ${companion}`, {
      code: 'DOWNLOAD_NOT_MEDIA',
      retry: 'backoff',
    });
  }
  if (companion === 'audio' || companion === 'participant_audio') {
    const media = await mediaTypeOf(firstBytes);
    return media ?? refuse(companion, 'is neither audio nor video');
  }

  const claimed = String(details['file_extension'] ?? '');
  const type = BY_COMPANION[companion] ?? (TYPES[claimed] === undefined ? 'txt' : claimed);
  if (type === 'jpg') {
    const isJpeg = firstBytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]));
    return isJpeg ? known(type) : refuse(companion, 'is no picture');
  }
  const text = await textOf(path);
  if (text === undefined) refuse(companion, 'is no text');
  if (type === 'vtt' && !/^WEBVTT(\s|$)/.test(beginning)) refuse(companion, 'does not begin with WEBVTT');
  if (isRefusal(text)) {
    throw new KnownError(`Zoom sent a refusal instead of the ${companion}`, {
      code: 'DOWNLOAD_NOT_MEDIA',
      retry: 'backoff',
    });
  }
  if (type === 'json' && text.length <= MAX_TEXT_BYTES && !isJson(text)) refuse(companion, 'is no JSON');
  return known(type);
}

/** The text of a small file, or the beginning of a large one; `undefined` if it is not UTF-8. */
async function textOf(path: string): Promise<string | undefined> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.alloc(Math.min(size, MAX_TEXT_BYTES + 1)),
      position: 0,
    });
    const isWhole = bytesRead === size;
    // The last character of a beginning may be cut in two.
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, bytesRead), {
      stream: !isWhole,
    });
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  } finally {
    await handle.close();
  }
}

/** What Zoom's API says in place of a file, such as `{"code": 124, "message": "Invalid access token."}`. */
function isRefusal(text: string): boolean {
  if (!text.startsWith('{') || text.length > 2000 || !isJson(text)) return false;
  const keys = Object.keys(JSON.parse(text));
  const said = ['status', 'code', 'errorcode', 'errormessage', 'message', 'result', 'reason', 'error'];
  return keys.length > 0 && keys.every((key) => said.includes(key.toLowerCase()));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function known(type: string): MediaType {
  const media = TYPES[type];
  if (media === undefined) throw new Error(`no type ${type}`);
  return media;
}

function refuse(companion: string, why: string): never {
  // A download may have been damaged on its way.
  throw new KnownError(`The ${companion} that Zoom sent ${why}`, {
    code: 'COMPANION_INVALID',
    retry: 'backoff',
  });
}
