import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { KnownError, orMachineTrouble } from '../domain/errors.ts';
import { READ_STEP_BYTES } from '../lib/files.ts';

/** A file of this machine that is sent, and that stays as it is meanwhile. */
export interface SentFile {
  readonly bytes: number;
  /** Its bytes from one to before another; each chunk is used until the next one is asked for. */
  read(start: number, end: number): AsyncGenerator<Buffer>;
  md5(start: number, end: number, signal: AbortSignal): Promise<Buffer>;
}

/** Lends an open file. What fails of it is this machine's trouble, not that of a service. */
export async function withFile<T>(path: string, use: (file: SentFile) => Promise<T>): Promise<T> {
  const handle = await ofThisMachine(() => open(path, 'r'));
  try {
    const { size } = await ofThisMachine(() => handle.stat());
    return await use(sentFile(handle, size));
  } finally {
    await handle.close();
  }
}

function sentFile(handle: FileHandle, bytes: number): SentFile {
  /** All of one that is small: it is read once, however often it is asked for. */
  let whole: Buffer | undefined;

  async function* read(start: number, end: number): AsyncGenerator<Buffer> {
    if (whole !== undefined) {
      yield whole.subarray(start, end);
      return;
    }
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(READ_STEP_BYTES, end - start)));
    for (let at = start; at < end; ) {
      const length = Math.min(buffer.length, end - at);
      const { bytesRead } = await ofThisMachine(() => handle.read(buffer, 0, length, at));
      if (bytesRead === 0) throw changed(bytes);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    // Of one that grew meanwhile the beginning is not the whole.
    if (end === bytes && (await ofThisMachine(() => handle.stat())).size !== bytes) throw changed(bytes);
    if (bytes > 0 && end - start === bytes && bytes <= buffer.length) whole = buffer;
  }

  return {
    bytes,
    read,
    async md5(start, end, signal) {
      const hash = createHash('md5');
      for await (const chunk of read(start, end)) {
        signal.throwIfAborted();
        hash.update(chunk);
      }
      return hash.digest();
    },
  };
}

async function ofThisMachine<T>(what: () => Promise<T>): Promise<T> {
  try {
    return await what();
  } catch (error) {
    throw orMachineTrouble(error);
  }
}

function changed(bytes: number): KnownError {
  return new KnownError(`A file of ${bytes} bytes had another length when it was read`, {
    code: 'SOURCE_CHANGED',
  });
}
