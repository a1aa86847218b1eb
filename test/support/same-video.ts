import { readFile, utimes, writeFile } from 'node:fs/promises';
import { SAMPLE } from './house.ts';

/** So long that it goes in several parts, in bytes. */
export const LARGE_BYTES = 11_000_000;

/** The same valid MP4 whenever it is written: the sample, and behind it a `free` box of zeros, with this time. */
export async function writeSameVideo(path: string, bytes: number, modifiedAtMs: number): Promise<void> {
  const sample = await readFile(SAMPLE);
  const box = Buffer.alloc(Math.max(8, bytes - sample.length));
  box.writeUInt32BE(box.length, 0);
  box.write('free', 4, 'latin1');
  await writeFile(path, Buffer.concat([sample, box]));
  await utimes(path, modifiedAtMs / 1000, modifiedAtMs / 1000);
}
