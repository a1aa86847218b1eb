import { randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const MIB = 1024 * 1024;
const SAMPLE_VIDEO = join(import.meta.dirname, '../../test/fixtures/sample.mp4');

/**
 * Writes a video of that length: the sample, and behind it a `free` box of bytes that do not compress, or, with
 * `isHollow`, a hole that takes no room on the disk.
 */
export async function writeRecording(path: string, bytes: number, isHollow = false): Promise<void> {
  const sample = await readFile(SAMPLE_VIDEO);
  const header = Buffer.alloc(16);
  // A size of 1 means that the real one follows the box's name, in 64 bits (ISO 14496-12).
  header.writeUInt32BE(1, 0);
  header.write('free', 4, 'latin1');
  header.writeBigUInt64BE(BigInt(Math.max(header.length, bytes - sample.length)), 8);
  const file = await open(path, 'w');
  try {
    await file.appendFile(sample);
    await file.appendFile(header);
    if (isHollow) {
      await file.truncate(bytes);
      return;
    }
    const block = randomBytes(MIB);
    for (let left = bytes - sample.length - header.length; left > 0; left -= block.length) {
      await file.appendFile(block.subarray(0, Math.min(left, block.length)));
    }
    // What is measured later is not to wait while this is written.
    await file.sync();
  } finally {
    await file.close();
  }
}
