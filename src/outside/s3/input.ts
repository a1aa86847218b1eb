import { hasCode, KnownError } from '../../domain/errors.ts';
import type { Download } from '../../engine/ports/source.ts';
import type { Call } from '../../engine/ports/store.ts';
import { createObjects } from './objects.ts';
import { createRequests, type S3Options } from './requests.ts';

/** A bucket from which files are read by their keys. */
export interface S3Input {
  /** @throws KnownError `INPUT_NOT_FOUND` */
  look(input: Call & { key: string }): Promise<{ bytes: number; validator: string }>;
  /** @throws KnownError `INPUT_NOT_FOUND`, `SOURCE_CHANGED` */
  open(input: Call & { key: string; fromByte: number; validator: string | null }): Promise<Download>;
  /** All files whose keys begin so. */
  list(
    input: Call & { prefix: string },
  ): AsyncGenerator<{ key: string; bytes: number; etag: string | undefined }>;
  /** Lists a little of what begins so. */
  probe(input: Call & { prefix: string }): Promise<void>;
}

export function createS3Input(options: S3Options): S3Input {
  const { bucket, profile } = options;
  const requests = createRequests(options);
  const objects = createObjects(requests, profile);

  /** Asks the bucket itself: an answer to HEAD has no words, and where the bucket is missing says the same as of a file. */
  async function askBucket(signal: AbortSignal, prefix?: string): Promise<void> {
    try {
      await requests.ask({ method: 'GET', query: { 'list-type': '2', 'max-keys': '1', prefix }, signal });
    } catch (error) {
      if (!(error instanceof KnownError) || error.details['s3Code'] !== 'NoSuchBucket') throw error;
      throw new KnownError(`${profile.title} has no bucket ${bucket}`, {
        code: 'INPUT_NOT_FOUND',
        cause: error,
      });
    }
  }

  async function look({ key, signal }: Call & { key: string }) {
    const found = await objects.look({ key, signal }).catch(async (error: unknown) => {
      if (hasCode(error, 'REMOTE_UNAUTHORIZED')) await askBucket(signal);
      throw error;
    });
    if (found !== undefined) return { bytes: found.bytes, validator: found.etag };
    await askBucket(signal);
    throw noSuchKey(key);
  }

  function noSuchKey(key: string): KnownError {
    return new KnownError(`There is no ${JSON.stringify(key)} in the bucket ${bucket}`, {
      code: 'INPUT_NOT_FOUND',
    });
  }

  return {
    look,

    async open({ key, fromByte, validator, signal }) {
      const { bytes: totalBytes, validator: found } = await look({ key, signal });
      if (validator !== null && found !== validator) {
        throw new KnownError(`${JSON.stringify(key)} in the bucket ${bucket} has been written anew`, {
          code: 'SOURCE_CHANGED',
        });
      }
      const all = { totalBytes, isEndMarked: true, validator: found };
      // Of nothing at all no server sends a part.
      if (fromByte >= totalBytes) return { ...all, startByte: totalBytes, chunks: nothing(), dismiss() {} };
      const opened = await objects.open({ key, fromByte, signal });
      if (opened === undefined) throw noSuchKey(key);
      const { startByte, chunks, dismiss } = opened;
      return { ...all, startByte, chunks, dismiss };
    },

    list: objects.list,
    probe: ({ prefix, signal }) => askBucket(signal, prefix),
  };
}

async function* nothing(): AsyncGenerator<Buffer> {}
