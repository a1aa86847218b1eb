import type { FileHandle } from 'node:fs/promises';

/** A box that says how long it is, of which more than these are not read. */
const MOST_BOXES = 1_000_000;

/**
 * Whether a file is an MP4 (or another of its family) that proves by itself that all of it is there: its boxes, each of
 * which says its length, end where the file ends, and the one without which nothing can be played is among them.
 */
export async function isWholeMp4(handle: FileHandle, totalBytes: number): Promise<boolean> {
  const header = Buffer.alloc(16);
  const types = new Set<string>();
  let at = 0;
  for (let boxes = 0; at < totalBytes && boxes < MOST_BOXES; boxes += 1) {
    const { bytesRead } = await handle.read(header, 0, 16, at);
    if (bytesRead < 8) return false;
    const type = header.toString('latin1', 4, 8);
    const shortBytes = header.readUInt32BE(0);
    if (shortBytes === 1 && bytesRead < 16) return false;
    // 0 stands for all the rest, however much of it there is.
    const boxBytes = shortBytes === 1 ? Number(header.readBigUInt64BE(8)) : shortBytes;
    if (boxBytes < (shortBytes === 1 ? 16 : 8)) return false;
    if (at === 0 && type !== 'ftyp') return false;
    types.add(type);
    at += boxBytes;
  }
  return at === totalBytes && types.has('moov') && (types.has('mdat') || types.has('moof'));
}
