import { open } from 'node:fs/promises';
import { KnownError } from '../../domain/errors.ts';
import type { Recording } from '../../domain/recording.ts';
import { isJson } from '../../lib/json.ts';
import { firstBytesOf, type MediaType, mediaTypeOf } from '../../lib/media-type.ts';

/** More text than this is looked at only where it begins. */
const MAX_TEXT_BYTES = 32 * 1024 * 1024;

const TYPES: Readonly<Record<string, MediaType>> = {
  vtt: { mime: 'text/vtt', extension: 'vtt' },
  json: { mime: 'application/json', extension: 'json' },
  csv: { mime: 'text/csv', extension: 'csv' },
  jpg: { mime: 'image/jpeg', extension: 'jpg' },
  png: { mime: 'image/png', extension: 'png' },
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
 * Makes sure that a companion holds what its kind should, and not what was sent in its place: a page, a refusal, a video.
 * It is archived byte for byte, so no more is asked of it: it may be empty, for nobody has to speak, and may hold bytes
 * that are no characters.
 *
 * @throws KnownError `DOWNLOAD_NOT_MEDIA` for a web page, `COMPANION_INVALID` for anything else that it should not be
 */
export async function requireCompanion({ details }: Recording, path: string): Promise<MediaType> {
  const companion = String(details['companion']);
  const firstBytes = await firstBytesOf(path);
  const beginning = decode(firstBytes).trimStart();
  if (/^<(!doctype|!--|html|head|body|\?xml)/i.test(beginning)) {
    throw new KnownError(`Zoom sent a web page instead of the ${companion}`, {
      code: 'DOWNLOAD_NOT_MEDIA',
      retry: 'backoff',
    });
  }
  // A byte order mark looks like the beginning of an MP3.
  const media = hasMark(firstBytes) ? undefined : await mediaTypeOf(firstBytes);
  if (companion === 'audio' || companion === 'participant_audio') {
    return media ?? refuse(companion, 'is neither audio nor video');
  }
  if (media !== undefined) refuse(companion, `is ${media.mime}`);

  const claimed = String(details['file_extension'] ?? '');
  const type = BY_COMPANION[companion] ?? (TYPES[claimed] === undefined ? 'txt' : claimed);
  if (type === 'jpg' || type === 'png') {
    const picture = pictureTypeOf(firstBytes);
    return picture === undefined ? refuse(companion, 'is no picture') : known(picture);
  }
  const { text, isWhole } = await textOf(path);
  const said = text.trim();
  if (type === 'vtt' && said !== '' && !isWebVtt(said)) refuse(companion, 'has neither WEBVTT nor a time');
  if (isRefusal(said)) {
    throw new KnownError(`Zoom sent a refusal instead of the ${companion}`, {
      code: 'DOWNLOAD_NOT_MEDIA',
      retry: 'backoff',
    });
  }
  // Odd characters inside are not what a file that was cut off is known by.
  if (type === 'json' && isWhole && said !== '' && !isJson(said) && !/[\]}]$/.test(said)) {
    refuse(companion, 'is no JSON');
  }
  return known(type);
}

/** Whether anything is said in a transcript. */
export async function hasCues(path: string): Promise<boolean> {
  return (await readText(path)).includes('-->');
}

/** What is written in a companion, by its byte order mark, and else as UTF-8. */
export async function readText(path: string): Promise<string> {
  return (await textOf(path)).text;
}

function isWebVtt(text: string): boolean {
  return /^WEBVTT(\s|$)/.test(text) || text.includes('-->');
}

function pictureTypeOf(firstBytes: Buffer): 'jpg' | 'png' | undefined {
  if (firstBytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))) return 'jpg';
  return firstBytes.subarray(0, 4).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47])) ? 'png' : undefined;
}

/** Whether it begins as text in UTF-16 does. */
function hasMark(bytes: Buffer): boolean {
  return ['\xff\xfe', '\xfe\xff'].includes(bytes.toString('latin1', 0, 2));
}

/** Bytes as text, by their byte order mark, and else as UTF-8; bytes that are no characters become a sign for that. */
function decode(bytes: Buffer): string {
  const mark = bytes.toString('latin1', 0, 2);
  const encoding = mark === '\xff\xfe' ? 'utf-16le' : mark === '\xfe\xff' ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

/** The text of a small file, or the beginning of a large one. */
async function textOf(path: string): Promise<{ text: string; isWhole: boolean }> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.alloc(Math.min(size, MAX_TEXT_BYTES)),
      position: 0,
    });
    return { text: decode(buffer.subarray(0, bytesRead)), isWhole: bytesRead === size };
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
