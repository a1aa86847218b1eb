import { readFile } from 'node:fs/promises';

/**
 * The size of the picture in a JPEG file, which is read whole; `undefined` if it is none, or has no end. What lies between
 * is taken on trust.
 */
export async function jpegSize(path: string): Promise<{ widthPx: number; heightPx: number } | undefined> {
  const bytes = await readFile(path);
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
