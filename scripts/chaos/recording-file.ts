import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A film of 8 s, 640 × 360. */
export const SAMPLE = join(import.meta.dirname, '../../test/fixtures/sample.mp4');

/** A file that is sent, with what has to arrive. */
export interface RecordingFile {
  readonly path: string;
  readonly bytes: number;
  /** In lowercase hex, as the next one. */
  readonly sha1: string;
  readonly sha256: string;
}

/** Writes a valid MP4 of this many bytes: the sample, and a `free` box of random bytes behind it. */
export async function writeRecording(path: string, bytes: number): Promise<RecordingFile> {
  const sample = await readFile(SAMPLE);
  const box = randomBytes(Math.max(8, bytes - sample.length));
  box.writeUInt32BE(box.length, 0);
  box.write('free', 4, 'latin1');
  const content = Buffer.concat([sample, box]);
  await writeFile(path, content);
  const digest = (algorithm: string) => createHash(algorithm).update(content).digest('hex');
  return { path, bytes: content.length, sha1: digest('sha1'), sha256: digest('sha256') };
}
