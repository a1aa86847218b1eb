import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { badRequest } from './errors.ts';

/** The bytes of one upload: a whole file or one part. */
export interface Blob {
  readonly id: string;
  readonly bytes: number;
  /** 40 lower-case hex digits, over all the bytes. */
  readonly sha1: string;
}

/** Where bytes lie, one file per blob. Nothing is held in memory. */
export interface Blobs {
  /** Whether bytes can be read back. */
  readonly areKept: boolean;
  /**
   * Takes in `dataBytes` bytes and the `trailerBytes` that follow them, answered as text. Rejects and leaves nothing
   * behind when the source fails or has another length.
   */
  receive(
    source: Readable,
    dataBytes: number,
    trailerBytes: number,
  ): Promise<{ readonly blob: Blob; readonly trailer: string }>;
  /** The bytes from `start` to `end`, both included, of the blobs one after the other. */
  read(blobs: readonly Blob[], start?: number, end?: number): Readable;
  discard(blobs: Iterable<Blob>): Promise<void>;
  /** Waits for what is being received, then removes the folder if it is a temporary one. */
  close(): Promise<void>;
}

const READ_BYTES = 1024 * 1024;

/** Opens the place for bytes: `directory`, or a temporary folder. Without `keepBytes` they are hashed and dropped. */
export async function createBlobs(options: {
  readonly directory: string | undefined;
  readonly keepBytes: boolean;
}): Promise<Blobs> {
  const { keepBytes } = options;
  const directory = options.directory ?? (keepBytes ? await mkdtemp(join(tmpdir(), 'b2-simulator-')) : '');
  if (keepBytes) await mkdir(directory, { recursive: true });
  const receiving = new Set<Promise<unknown>>();
  const pathOf = (id: string) => join(directory, id);

  async function receive(source: Readable, dataBytes: number, trailerBytes: number) {
    const id = randomUUID();
    const hash = createHash('sha1');
    const trailer: Buffer[] = [];
    let seenBytes = 0;
    const file = keepBytes ? await open(pathOf(id), 'wx') : undefined;
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        const data = chunk.subarray(0, Math.max(0, dataBytes - seenBytes));
        if (data.length < chunk.length) trailer.push(chunk.subarray(data.length));
        seenBytes += chunk.length;
        const written = file?.appendFile(data);
        hash.update(data);
        await written;
      }
      if (seenBytes !== dataBytes + trailerBytes) {
        throw badRequest(`Content-Length is ${dataBytes + trailerBytes}, but ${seenBytes} bytes came`);
      }
    } catch (error) {
      await file?.close();
      if (file) await rm(pathOf(id), { force: true });
      throw error;
    }
    await file?.close();
    const blob = { id, bytes: dataBytes, sha1: hash.digest('hex') };
    return { blob, trailer: Buffer.concat(trailer).toString('latin1') };
  }

  async function* chunks(blobs: readonly Blob[], start: number, end: number): AsyncGenerator<Buffer> {
    let blobStart = 0;
    for (const blob of blobs) {
      const from = Math.max(0, start - blobStart);
      const to = Math.min(blob.bytes - 1, end - blobStart);
      if (from <= to) {
        yield* createReadStream(pathOf(blob.id), { start: from, end: to, highWaterMark: READ_BYTES });
      }
      blobStart += blob.bytes;
    }
  }

  return {
    areKept: keepBytes,
    receive(source, dataBytes, trailerBytes) {
      const received = receive(source, dataBytes, trailerBytes);
      const settled: Promise<unknown> = received.catch(() => {}).then(() => receiving.delete(settled));
      receiving.add(settled);
      return received;
    },
    read(blobs, start = 0, end = Number.POSITIVE_INFINITY) {
      if (!keepBytes)
        throw new Error('the simulator was started with keepBytes: false and has no bytes to read');
      return Readable.from(chunks(blobs, start, end), { objectMode: false });
    },
    async discard(blobs) {
      if (!keepBytes) return;
      for (const { id } of blobs) await rm(pathOf(id), { force: true });
    },
    async close() {
      await Promise.all(receiving);
      if (keepBytes && options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}
