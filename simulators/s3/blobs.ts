import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { S3Refusal } from './errors.ts';

/** The bytes of one upload: a whole object or a part. */
export interface Blob {
  readonly id: string;
  readonly bytes: number;
  /** Over all the bytes, in hex. */
  readonly md5: string;
}

/** What a request says of its body beforehand. */
export interface Expected {
  readonly bytes: number | undefined;
  /** In base64. */
  readonly md5: string | undefined;
  /** In hex. */
  readonly sha256: string | undefined;
}

/** Where bytes lie, one file per blob. */
export interface Blobs {
  /** Rejects and leaves nothing behind when the source fails or is not what was expected. */
  receive(source: Readable, expected: Expected): Promise<Blob>;
  read(blobs: readonly Blob[], start?: number): Readable;
  discard(blobs: readonly Blob[]): Promise<void>;
  close(): Promise<void>;
}

/** What small files have at most, in bytes: clients keep notes of their own in a bucket, and read them. */
const SMALL_BYTES = 64 * 1024;

/** @param keepsBytes Else those of files that are not small are hashed and dropped, and cannot be read. */
export async function createBlobs(keepsBytes: boolean): Promise<Blobs> {
  const directory = await mkdtemp(join(tmpdir(), 's3-simulator-'));
  const receiving = new Set<Promise<unknown>>();
  const pathOf = (id: string) => join(directory, id);

  async function receive(source: Readable, expected: Expected): Promise<Blob> {
    const id = randomUUID();
    const [md5, sha256] = [createHash('md5'), expected.sha256 && createHash('sha256')];
    let bytes = 0;
    const isKept = keepsBytes || (expected.bytes ?? Number.POSITIVE_INFINITY) <= SMALL_BYTES;
    const file = isKept ? await open(pathOf(id), 'wx') : undefined;
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        const written = file?.appendFile(chunk);
        md5.update(chunk);
        if (sha256) sha256.update(chunk);
        bytes += chunk.length;
        await written;
      }
      if (expected.bytes !== undefined && bytes !== expected.bytes) {
        throw new S3Refusal(
          400,
          'IncompleteBody',
          'You did not provide the number of bytes specified by Content-Length.',
        );
      }
      const digest = md5.digest();
      if (expected.md5 !== undefined && digest.toString('base64') !== expected.md5) {
        throw new S3Refusal(
          400,
          'BadDigest',
          'The Content-MD5 you specified did not match what we received.',
        );
      }
      if (sha256 && sha256.digest('hex') !== expected.sha256) {
        throw new S3Refusal(
          400,
          'XAmzContentSHA256Mismatch',
          'The provided x-amz-content-sha256 header does not match what was computed.',
        );
      }
      return { id, bytes, md5: digest.toString('hex') };
    } catch (error) {
      await rm(pathOf(id), { force: true });
      throw error;
    } finally {
      await file?.close();
    }
  }

  async function* chunks(blobs: readonly Blob[], start: number): AsyncGenerator<Buffer> {
    let before = 0;
    for (const { id, bytes } of blobs) {
      const from = Math.max(0, start - before);
      if (from < bytes) yield* createReadStream(pathOf(id), { start: from });
      before += bytes;
    }
  }

  return {
    receive(source, expected) {
      const received = receive(source, expected);
      const settled: Promise<unknown> = received.catch(() => {}).then(() => receiving.delete(settled));
      receiving.add(settled);
      return received;
    },
    read: (blobs, start = 0) => Readable.from(chunks(blobs, start), { objectMode: false }),
    async discard(blobs) {
      for (const { id } of blobs) await rm(pathOf(id), { force: true });
    },
    async close() {
      await Promise.all(receiving);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
