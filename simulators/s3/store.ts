import { createHash, randomBytes } from 'node:crypto';
import type { Blob, Blobs } from './blobs.ts';
import { noSuchKey, noSuchUpload, S3Refusal } from './errors.ts';
import type { Moods } from './moods.ts';

/** What is kept with an object's bytes and given back with them, by header. */
export type Kept = Readonly<Record<string, string>>;

export interface StoredObject {
  readonly key: string;
  readonly kept: Kept;
  readonly blobs: readonly Blob[];
  readonly bytes: number;
  /** With its quotes. */
  readonly etag: string;
  readonly atMs: number;
}

export interface Part {
  readonly number: number;
  readonly blob: Blob;
}

export interface Upload {
  readonly uploadId: string;
  readonly key: string;
  readonly kept: Kept;
  readonly parts: Map<number, Part>;
  readonly atMs: number;
}

/** The objects and the uploads of one bucket. */
export interface Contents {
  readonly objects: Map<string, StoredObject>;
  readonly uploads: Map<string, Upload>;
}

/** The buckets, and what changes in them. */
export interface Store {
  readonly buckets: ReadonlyMap<string, Contents>;
  make(bucket: string): void;
  /** Refuses a bucket that is not there. */
  bucket(name: string): Contents;
  /** Refuses a key that is not there. */
  object(bucket: string, key: string): StoredObject;
  put(bucket: string, object: { key: string; kept: Kept; blob: Blob; isNew: boolean }): Promise<StoredObject>;
  remove(bucket: string, key: string): Promise<void>;
  begin(bucket: string, upload: { key: string; kept: Kept }): Upload;
  /** Refuses an upload that is not there. */
  upload(bucket: string, key: string, uploadId: string): Upload;
  putPart(upload: Upload, part: Part): Promise<void>;
  /** Makes the parts named one object; refuses those that do not fit together. */
  complete(
    bucket: string,
    upload: Upload,
    input: { parts: readonly { number: number; etag: string }[]; isNew: boolean },
  ): Promise<StoredObject>;
  abort(bucket: string, upload: Upload): Promise<void>;
}

export function createStore(
  blobs: Blobs,
  { moods, minPartBytes }: { readonly moods: Moods; readonly minPartBytes: number },
): Store {
  const buckets = new Map<string, Contents>();

  function bucket(name: string): Contents {
    const found = buckets.get(name);
    if (found === undefined) {
      throw new S3Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist');
    }
    return found;
  }

  async function place(name: string, object: StoredObject, isNew: boolean): Promise<StoredObject> {
    const { objects } = bucket(name);
    const earlier = objects.get(object.key);
    if (isNew && earlier !== undefined) {
      throw new S3Refusal(
        412,
        'PreconditionFailed',
        'At least one of the pre-conditions you specified did not hold',
      );
    }
    objects.set(object.key, object);
    if (earlier !== undefined) await blobs.discard(earlier.blobs);
    return object;
  }

  return {
    buckets,
    bucket,

    make(name) {
      if (buckets.has(name)) throw new S3Refusal(409, 'BucketAlreadyOwnedByYou', 'You own it already');
      if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) {
        throw new S3Refusal(400, 'InvalidBucketName', 'The specified bucket is not valid.');
      }
      buckets.set(name, { objects: new Map(), uploads: new Map() });
    },

    object(name, key) {
      const found = bucket(name).objects.get(key);
      if (found === undefined) throw noSuchKey();
      return found;
    },

    async put(name, { key, kept, blob, isNew }) {
      const object = { key, kept, blobs: [blob], bytes: blob.bytes, etag: `"${blob.md5}"`, atMs: Date.now() };
      return await place(name, object, isNew && moods.conditional.put);
    },

    async remove(name, key) {
      const { objects } = bucket(name);
      const found = objects.get(key);
      objects.delete(key);
      if (found !== undefined) await blobs.discard(found.blobs);
    },

    begin(name, { key, kept }) {
      const uploadId = randomBytes(24).toString('base64');
      const upload = { uploadId, key, kept, parts: new Map<number, Part>(), atMs: Date.now() };
      bucket(name).uploads.set(uploadId, upload);
      return upload;
    },

    upload(name, key, uploadId) {
      const found = bucket(name).uploads.get(uploadId);
      if (found === undefined || found.key !== key) throw noSuchUpload();
      return found;
    },

    async putPart({ parts }, part) {
      const earlier = parts.get(part.number);
      parts.set(part.number, part);
      if (earlier !== undefined) await blobs.discard([earlier.blob]);
    },

    async complete(name, upload, { parts, isNew }) {
      if (parts.length === 0) throw new S3Refusal(400, 'MalformedXML', 'There is no part');
      const invalid = (message: string) => new S3Refusal(400, 'InvalidPart', message);
      const joined = parts.map(({ number, etag }, index) => {
        const part = upload.parts.get(number);
        if (index > 0 && number <= (parts[index - 1]?.number ?? 0)) {
          throw new S3Refusal(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.');
        }
        if (part === undefined || part.blob.md5 !== etag.replaceAll('"', '')) {
          throw invalid('One or more of the specified parts could not be found.');
        }
        if (part.blob.bytes < minPartBytes && index < parts.length - 1) {
          throw new S3Refusal(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum.');
        }
        return part.blob;
      });
      const sizes = new Set(joined.slice(0, -1).map(({ bytes }) => bytes));
      if (moods.equalParts && sizes.size > 1) {
        throw invalid('All non-trailing parts must have the same length.');
      }
      const bytes = joined.reduce((total, blob) => total + blob.bytes, 0);
      const digests = Buffer.concat(joined.map(({ md5 }) => Buffer.from(md5, 'hex')));
      const etag = `"${createHash('md5').update(digests).digest('hex')}-${joined.length}"`;
      const { key, kept } = upload;
      const object = { key, kept, blobs: joined, bytes, etag, atMs: Date.now() };
      const placed = await place(name, object, isNew && moods.conditional.complete);
      bucket(name).uploads.delete(upload.uploadId);
      const unused = [...upload.parts.values()]
        .map(({ blob }) => blob)
        .filter((blob) => !joined.includes(blob));
      await blobs.discard(unused);
      return placed;
    },

    async abort(name, upload) {
      bucket(name).uploads.delete(upload.uploadId);
      await blobs.discard([...upload.parts.values()].map(({ blob }) => blob));
    },
  };
}
