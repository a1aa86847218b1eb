import { isUtf8 } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { fileTypeFromBuffer } from 'file-type';
import { signatureOf } from './media-signatures.ts';

/** As many first bytes as it takes for nearly every signature: a first look, and not the last one. */
export const SNIFFED_BYTES = 4100;

/** What is looked at of a file whose first bytes do not tell. */
const LOOKED_AT_BYTES = 1024 * 1024;

export interface MediaType {
  /** Such as `video/mp4`. */
  readonly mime: string;
  /** Without a dot, such as `mp4`. */
  readonly extension: string;
}

/**
 * What a look at the beginning of a file says: it is audio or video; it surely is something else, which has a name; or
 * it is nothing that is known here, and may be either.
 */
export type Look =
  | { readonly kind: 'media'; readonly media: MediaType }
  | { readonly kind: 'other'; readonly mime: string }
  | { readonly kind: 'unsure' };

/** Looks at the beginning of a file, at what it holds and never at what its name says. */
export async function lookAt(firstBytes: Uint8Array): Promise<Look> {
  const bytes = Buffer.from(firstBytes.buffer, firstBytes.byteOffset, firstBytes.byteLength);
  const known = signatureOf(bytes);
  if (known !== undefined) return { kind: 'media', media: known };
  if (isText(bytes)) return { kind: 'other', mime: 'text/plain' };
  const type = await fileTypeFromBuffer(bytes);
  if (type === undefined) return { kind: 'unsure' };
  if (/^(audio|video)\//.test(type.mime)) {
    return { kind: 'media', media: { mime: type.mime, extension: type.ext } };
  }
  return type.mime === 'application/ogg' ? { kind: 'unsure' } : { kind: 'other', mime: type.mime };
}

/** What the first bytes say the content is, if that is audio or video; never what a name says. */
export async function mediaTypeOf(firstBytes: Uint8Array): Promise<MediaType | undefined> {
  const look = await lookAt(firstBytes);
  return look.kind === 'media' ? look.media : undefined;
}

/** The same of a file that is there as a whole, of which more can be looked at. */
export async function lookAtFile(handle: FileHandle): Promise<Look> {
  const read = (bytes: number, position: number) => readAt(handle, bytes, position);
  const first = await read(SNIFFED_BYTES, 0);
  const behind = tagBytes(first);
  if (behind > 0) {
    const tagged = await lookAt(await read(LOOKED_AT_BYTES, behind));
    if (tagged.kind === 'media') return tagged;
  }
  const look = await lookAt(first);
  if (look.kind !== 'unsure' || first.length < SNIFFED_BYTES) return look;
  const more = await lookAt(await read(LOOKED_AT_BYTES, 0));
  return more.kind === 'unsure' ? await lookBehindBoxes(read, first) : more;
}

/** Reads as much of a file's beginning as it takes to tell what it is. */
export async function firstBytesOf(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    return await readAt(handle, SNIFFED_BYTES, 0);
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, bytes: number, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, position);
  return buffer.subarray(0, bytesRead);
}

/** Where the tags end that ID3 puts in front of any sound, with pictures of any size; 0 if there are none. */
function tagBytes(first: Buffer): number {
  if (first.length < 10 || first.toString('latin1', 0, 3) !== 'ID3') return 0;
  const [a = 0, b = 0, c = 0, d = 0] = first.subarray(6, 10);
  const footerBytes = ((first[5] ?? 0) & 0x10) === 0 ? 0 : 10;
  return 10 + (a & 127) * 2 ** 21 + (b & 127) * 2 ** 14 + (c & 127) * 2 ** 7 + (d & 127) + footerBytes;
}

/** A film may begin with room that was kept free, of any size. */
async function lookBehindBoxes(
  read: (bytes: number, position: number) => Promise<Buffer>,
  first: Buffer,
): Promise<Look> {
  let header = first;
  for (let boxes = 0, at = 0; boxes < 100 && header.length >= 16; boxes += 1) {
    if (!/^(free|skip|wide|uuid|sidx|prft|emsg|pdin|udta|pnot)$/.test(header.toString('latin1', 4, 8))) break;
    const size = header.readUInt32BE(0);
    const length = size === 1 ? Number(header.readBigUInt64BE(8)) : size;
    if (length < 8 || !Number.isSafeInteger(at + length)) break;
    at += length;
    header = await read(SNIFFED_BYTES, at);
    const look = await lookAt(header);
    if (look.kind !== 'unsure') return look;
  }
  return { kind: 'unsure' };
}

/** Backspace, tab, ends of lines and pages, escape. */
const TEXT_CONTROLS: ReadonlySet<number> = new Set([8, 9, 10, 11, 12, 13, 27]);

/** Whether it is text in UTF-8, in a single-byte alphabet or in UTF-16: no control characters but those of text. */
function isText(bytes: Buffer): boolean {
  if (bytes.length === 0) return false;
  const mark = bytes.toString('hex', 0, 2);
  if (mark === 'fffe' || mark === 'feff') {
    const highs = bytes.subarray(2).filter((_byte, index) => index % 2 === (mark === 'fffe' ? 1 : 0));
    return highs.length > 0 && highs.filter((byte) => byte === 0).length > highs.length / 2;
  }
  const isControl = (byte: number) => byte === 0x7f || (byte < 0x20 && !TEXT_CONTROLS.has(byte));
  if (bytes.some(isControl)) return false;
  // The last character may be cut.
  const isUnicode = [0, 1, 2, 3].some((cut) => isUtf8(bytes.subarray(0, Math.max(0, bytes.length - cut))));
  return isUnicode || bytes.filter((byte) => byte < 0x80).length >= bytes.length / 2;
}
