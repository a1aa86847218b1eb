import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';

/** The bytes of one upload: appended to a file and hashed as they come, in flat memory. */
export interface Content {
  readonly bytes: number;
  /** SHA-256 in lowercase hex of the bytes so far. */
  sha256(): string;
  /**
   * Appends `source` up to `limitBytes` and reads the rest without keeping it. What arrived before the source failed
   * stays. Throws when the content is dropped meanwhile.
   */
  receive(source: Readable, limitBytes: number): Promise<{ readonly surplusBytes: number }>;
  /** The bytes so far. Throws when they were only hashed. */
  read(): Readable;
  /** Forgets the bytes and stops whoever is appending to them. */
  drop(): Promise<void>;
}

/** Creates an empty content kept at `path`, or kept nowhere and only hashed when there is no path. */
export function createContent(path: string | undefined): Content {
  const hash = createHash('sha256');
  let bytes = 0;
  let isDropped = false;

  return {
    get bytes() {
      return bytes;
    },
    sha256: () => hash.copy().digest('hex'),
    async receive(source, limitBytes) {
      const file = path === undefined ? undefined : await open(path, 'a');
      let leftBytes = limitBytes;
      let surplusBytes = 0;
      try {
        for await (const chunk of source as AsyncIterable<Buffer>) {
          if (isDropped) throw new Error('the upload is gone');
          const kept = chunk.subarray(0, leftBytes);
          await file?.appendFile(kept);
          hash.update(kept);
          bytes += kept.length;
          leftBytes -= kept.length;
          surplusBytes += chunk.length - kept.length;
        }
      } finally {
        await file?.close();
      }
      return { surplusBytes };
    },
    read() {
      if (path === undefined) throw new Error('the bytes were hashed and not kept');
      return createReadStream(path);
    },
    async drop() {
      isDropped = true;
      if (path !== undefined) await rm(path, { force: true });
    },
  };
}
