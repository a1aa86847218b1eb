import type { FileHandle } from 'node:fs/promises';
import { KnownError } from '../domain/errors.ts';
import { READ_STEP_BYTES } from './files.ts';

/** A file that is read, from any place and by several readers, while it is still being written from its beginning on. */
export interface GrowingFile {
  readonly totalBytes: number;
  /**
   * The bytes from `start` to before `end`. Waits for those that are not there yet; the very last byte of the file is
   * given out only once the whole is proved. Each chunk is valid until the next one is asked for.
   *
   * @throws What the writer has failed with; KnownError `SOURCE_CHANGED` if the file is shorter than it was
   */
  read(start: number, end: number): AsyncIterable<Buffer>;
  /** Waits until the byte at `position` may be read. */
  reaches(position: number): Promise<void>;
  /** Waits until the whole is proved. */
  proved(): Promise<void>;

  /** For the writer: so many bytes are there now. */
  grow(availableBytes: number): void;
  /** For the writer: all is there, and is what it should be. */
  prove(): void;
  /** For the writer: nothing more will come; whoever waits is told so. */
  fail(error: unknown): void;
}

/** How many buffers are kept for the next reading; more readers than that are rare. */
const MOST_IDLE_BUFFERS = 8;

/** A buffer for each part of a large file would be a hundred MiB of garbage an hour, and the work of collecting it. */
const idleBuffers: Buffer[] = [];

function takeBuffer(bytes: number): Buffer {
  return (bytes === READ_STEP_BYTES ? idleBuffers.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes);
}

function giveBack(buffer: Buffer): void {
  if (buffer.length === READ_STEP_BYTES && idleBuffers.length < MOST_IDLE_BUFFERS) idleBuffers.push(buffer);
}

/**
 * @param options.availableBytes What is there already
 * @param options.beforeLastByte Looks once more whether the file is what it was, each time before its end is given out
 */
export function createGrowingFile(options: {
  handle: FileHandle;
  totalBytes: number;
  availableBytes: number;
  beforeLastByte?: () => Promise<void>;
}): GrowingFile {
  const { handle, totalBytes, beforeLastByte } = options;
  let availableBytes = options.availableBytes;
  let isProved = false;
  let failure: { readonly error: unknown } | undefined;
  let waiting: (() => void)[] = [];

  function wake(): void {
    const woken = waiting;
    waiting = [];
    for (const go of woken) go();
  }

  async function until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (failure !== undefined) throw failure.error;
      await new Promise<void>((go) => waiting.push(go));
    }
  }

  const readableBytes = () => (isProved ? totalBytes : Math.min(availableBytes, totalBytes - 1));

  async function* read(start: number, end: number): AsyncGenerator<Buffer> {
    if (end <= start) return;
    const buffer = takeBuffer(Math.min(READ_STEP_BYTES, end - start));
    let at = start;
    while (at < end) {
      await until(() => readableBytes() > at);
      const wantedBytes = Math.min(end, readableBytes(), at + buffer.length) - at;
      if (at + wantedBytes === totalBytes) await beforeLastByte?.();
      const { bytesRead } = await handle.read(buffer, 0, wantedBytes, at);
      if (bytesRead === 0) {
        throw new KnownError(`The file ended at byte ${at} of ${totalBytes}`, { code: 'SOURCE_CHANGED' });
      }
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    // Not if the reading was broken off: somebody may still be sending from it.
    giveBack(buffer);
  }

  return {
    totalBytes,
    read,
    reaches: (position) => until(() => readableBytes() > position),
    proved: () => until(() => isProved),
    grow(bytes) {
      availableBytes = bytes;
      wake();
    },
    prove() {
      isProved = true;
      wake();
    },
    fail(error) {
      failure ??= { error };
      wake();
    },
  };
}
