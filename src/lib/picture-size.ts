import { readFile } from 'node:fs/promises';

interface PictureSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

/**
 * The size of the picture in a JPEG or PNG file, which is read whole; `undefined` if it is neither, or has no end. What lies
 * between is taken on trust.
 */
export async function pictureSize(path: string): Promise<PictureSize | undefined> {
  const bytes = await readFile(path);
  return bytes.subarray(0, PNG.length).equals(PNG) ? pngSize(bytes) : jpegSize(bytes);
}

const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** The last chunk of each: its length, its name, and its checksum. */
const PNG_END = Buffer.from('0000000049454e44ae426082', 'hex');

function pngSize(bytes: Buffer): PictureSize | undefined {
  if (bytes.length < 45 || !bytes.subarray(-PNG_END.length).equals(PNG_END)) return undefined;
  return { widthPx: bytes.readUInt32BE(16), heightPx: bytes.readUInt32BE(20) };
}

function jpegSize(bytes: Buffer): PictureSize | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return undefined;
  if (bytes.readUInt16BE(bytes.length - 2) !== 0xffd9) return undefined;
  // Segments, each with its length behind its marker, up to that which says how large the picture is.
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + bytes.readUInt16BE(at + 2)) {
    const marker = bytes[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { heightPx: bytes.readUInt16BE(at + 5), widthPx: bytes.readUInt16BE(at + 7) };
  }
  return undefined;
}
