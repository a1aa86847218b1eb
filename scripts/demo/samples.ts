import { createCipheriv, createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { DemoFailure } from './failure.ts';

/** A recording as it is on disk before it is sent. Digests are in lowercase hex. */
export interface SampleFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha1: string;
  readonly sha256: string;
}

const STEP_BYTES = 1024 * 1024;
const MAX_SHORT_BOX_BYTES = 0xffff_ffff;

/** Writes a copy of the sample recording to `path`. */
export function copySample(samplePath: string, path: string): Promise<SampleFile> {
  return writeFile(path, readSample(samplePath));
}

/** How long a recording plays that begins as the sample does, in seconds: what the header of its ISO-BMFF says. */
export async function durationSOf(path: string): Promise<number> {
  const content = await readFile(path);
  // Behind the name are version and flags, two times of 32 bits, the units in a second, and how many of those it lasts.
  const at = content.indexOf('mvhd', 0, 'latin1') + 4;
  return content.readUInt32BE(at + 16) / content.readUInt32BE(at + 12);
}

/**
 * Writes a recording of `bytes` bytes to `path`: the sample, and after it an ISO-BMFF box of type `free` that is filled
 * with pseudo-random bytes, which every player passes over. The same seed gives the same bytes.
 */
export function writeLarge(input: {
  readonly samplePath: string;
  readonly path: string;
  readonly bytes: number;
  readonly seed: number;
}): Promise<SampleFile> {
  return writeFile(input.path, largeContent(input));
}

async function* largeContent(input: {
  readonly samplePath: string;
  readonly bytes: number;
  readonly seed: number;
}): AsyncGenerator<Buffer> {
  const { samplePath, bytes, seed } = input;
  let sampleBytes = 0;
  for await (const chunk of readSample(samplePath)) {
    sampleBytes += chunk.length;
    yield chunk;
  }
  const header = freeBoxHeader(bytes - sampleBytes);
  yield header;
  yield* pseudoRandom(bytes - sampleBytes - header.length, seed);
}

async function* readSample(path: string): AsyncGenerator<Buffer> {
  yield await readFile(path).catch((cause: unknown) => {
    throw new DemoFailure(`The sample recording ${path} cannot be read.`, { cause });
  });
}

/** A box that is too long for 32 bits says so with a size of 1, and has its size after its type (ISO/IEC 14496-12). */
function freeBoxHeader(boxBytes: number): Buffer {
  const isShort = boxBytes <= MAX_SHORT_BOX_BYTES;
  const header = Buffer.alloc(isShort ? 8 : 16);
  header.writeUInt32BE(isShort ? boxBytes : 1, 0);
  header.write('free', 4, 'latin1');
  if (!isShort) header.writeBigUInt64BE(BigInt(boxBytes), 8);
  return header;
}

/** The key stream of a cipher: fast, and the same for the same seed. */
function* pseudoRandom(bytes: number, seed: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, `seed ${seed}`), Buffer.alloc(16));
  const zeros = Buffer.alloc(STEP_BYTES);
  for (let left = bytes; left > 0; left -= STEP_BYTES) {
    yield cipher.update(zeros.subarray(0, Math.min(left, STEP_BYTES)));
  }
}

async function writeFile(path: string, chunks: AsyncIterable<Buffer>): Promise<SampleFile> {
  const sha1 = createHash('sha1');
  const sha256 = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx');
  try {
    for await (const chunk of chunks) {
      await file.writeFile(chunk);
      sha1.update(chunk);
      sha256.update(chunk);
      bytes += chunk.length;
    }
  } finally {
    await file.close();
  }
  return { path, bytes, sha1: sha1.digest('hex'), sha256: sha256.digest('hex') };
}
