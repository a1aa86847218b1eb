import type { FileHandle } from 'node:fs/promises';

/** A box that says how long it is, of which more than these are not read. */
const MOST_BOXES = 1_000_000;

/**
 * Whether a file is an MP4 (or another of its family) that proves by itself that all of it is there: its boxes, each of
 * which says its length, end where the file ends, and the one without which nothing can be played is among them.
 */
export async function isWholeMp4(handle: FileHandle, totalBytes: number): Promise<boolean> {
  const { types, endByte } = await topBoxes(handle, totalBytes);
  const isPlayable = types.has('moov') && (types.has('mdat') || types.has('moof'));
  return endByte === totalBytes && isPlayable;
}

/** Whether what players need first stands first in an MP4; `undefined` of what is none. */
export async function isFaststart(handle: FileHandle, totalBytes: number): Promise<boolean | undefined> {
  const types = [...(await topBoxes(handle, totalBytes)).types];
  if (!types.includes('moov')) return undefined;
  const bytesAt = types.findIndex((type) => type === 'mdat' || type === 'moof');
  return bytesAt < 0 || types.indexOf('moov') < bytesAt;
}

/** The kinds of its outermost boxes, in the order in which they first come, and where the last one ends that can be read. */
async function topBoxes(
  handle: FileHandle,
  totalBytes: number,
): Promise<{ types: ReadonlySet<string>; endByte: number }> {
  const header = Buffer.alloc(16);
  const types = new Set<string>();
  let at = 0;
  for (let boxes = 0; at < totalBytes && boxes < MOST_BOXES; boxes += 1) {
    const { bytesRead } = await handle.read(header, 0, 16, at);
    if (bytesRead < 8) break;
    const type = header.toString('latin1', 4, 8);
    const shortBytes = header.readUInt32BE(0);
    if (shortBytes === 1 && bytesRead < 16) break;
    // 0 stands for all the rest, however much of it there is.
    const boxBytes = shortBytes === 1 ? Number(header.readBigUInt64BE(8)) : shortBytes;
    if (at === 0 && type !== 'ftyp') break;
    types.add(type);
    if (boxBytes < (shortBytes === 1 ? 16 : 8)) break;
    at += boxBytes;
  }
  return { types, endByte: at };
}
