import { randomBytes } from 'node:crypto';
import type { Blob, Blobs } from './blobs.ts';
import { B2Refusal, badRequest } from './errors.ts';

export interface Bucket {
  readonly bucketId: string;
  readonly bucketName: string;
  readonly bucketType: string;
}

/** A finished version of a file, or a hide marker. */
export interface Version {
  readonly action: 'upload' | 'hide';
  readonly bucketId: string;
  readonly fileId: string;
  readonly fileName: string;
  readonly contentType: string | null;
  /** As B2 tells it: `none` for large files and hide markers, on `unverified:` where the uploader asked not to check. */
  readonly contentSha1: string | null;
  readonly fileInfo: Readonly<Record<string, string>>;
  readonly uploadTimestampMs: number;
  readonly order: number;
  readonly blobs: readonly Blob[];
}

export interface Part {
  readonly partNumber: number;
  readonly blob: Blob;
  readonly contentSha1: string;
  readonly uploadTimestampMs: number;
}

/** A large file that is neither finished nor cancelled. */
export interface LargeFile {
  readonly action: 'start';
  readonly bucketId: string;
  readonly fileId: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly fileInfo: Readonly<Record<string, string>>;
  readonly uploadTimestampMs: number;
  readonly order: number;
  readonly parts: Map<number, Part>;
}

type NewFile = Pick<LargeFile, 'bucketId' | 'fileName' | 'contentType' | 'fileInfo'>;

/** Everything in the account, by what can happen to it. */
export interface Store {
  readonly accountId: string;
  createBucket(bucketName: string, bucketType: string): Bucket;
  /** Refuses an unknown id. */
  bucket(bucketId: string): Bucket;
  buckets(): readonly Bucket[];
  /** All finished versions and hide markers, oldest first. */
  versions(): readonly Version[];
  /** The version that a name shows now; a hide marker counts. */
  latest(bucketId: string, fileName: string): Version | undefined;
  addFile(file: NewFile & { readonly contentSha1: string; readonly blob: Blob }): Version;
  hide(bucketId: string, fileName: string): Version;
  /** Where an id stands among all that were ever given out, also of what is gone; `undefined` if it never was. */
  orderOf(fileId: string): number | undefined;
  /** Refuses a pair that is not there. */
  deleteVersion(fileName: string, fileId: string): Promise<void>;

  /** The unfinished large files, oldest first. */
  largeFiles(): readonly LargeFile[];
  /** Refuses an id that is unknown, finished or cancelled. */
  largeFile(fileId: string): LargeFile;
  startLargeFile(file: NewFile): LargeFile;
  /** Puts a part in its place; an earlier one with its number goes. */
  putPart(fileId: string, partNumber: number, blob: Blob, contentSha1: string): Promise<Part>;
  /** Makes the parts one file under the same id; refuses parts that do not fit together. */
  finishLargeFile(fileId: string, sha1s: readonly string[], minimumPartBytes: number): Version;
  cancelLargeFile(fileId: string): Promise<LargeFile>;
}

const ACCOUNT_ID = 'a11ce0acade1';

/** Creates an empty account whose bytes lie in `blobs`. */
export function createStore(blobs: Blobs): Store {
  const buckets = new Map<string, Bucket>();
  const versions = new Map<string, Version>();
  const largeFiles = new Map<string, LargeFile>();
  const orders = new Map<string, number>();
  let order = 0;

  function stamp(bucketId: string, isLarge: boolean) {
    order += 1;
    const fileId = `4_z${bucketId}_f${isLarge ? 2 : 1}${randomBytes(8).toString('hex').slice(1)}_c001_v0001000_t${order}`;
    orders.set(fileId, order);
    return { fileId, order, uploadTimestampMs: Date.now() };
  }

  function largeFile(fileId: string): LargeFile {
    const file = largeFiles.get(fileId);
    if (file === undefined) throw badRequest(`No active upload for: ${fileId}`);
    return file;
  }

  function latest(bucketId: string, fileName: string): Version | undefined {
    let found: Version | undefined;
    for (const version of versions.values()) {
      if (version.bucketId !== bucketId || version.fileName !== fileName) continue;
      if (found === undefined || version.order > found.order) found = version;
    }
    return found;
  }

  return {
    accountId: ACCOUNT_ID,
    createBucket(bucketName, bucketType) {
      for (const known of buckets.values()) {
        if (known.bucketName === bucketName) {
          throw new B2Refusal(400, 'duplicate_bucket_name', 'Bucket name is already in use.');
        }
      }
      const bucket = { bucketId: randomBytes(12).toString('hex'), bucketName, bucketType };
      buckets.set(bucket.bucketId, bucket);
      return bucket;
    },
    bucket(bucketId) {
      const bucket = buckets.get(bucketId);
      if (bucket === undefined) throw new B2Refusal(400, 'bad_bucket_id', `Invalid bucketId: ${bucketId}`);
      return bucket;
    },
    buckets: () => [...buckets.values()],

    orderOf: (fileId) => orders.get(fileId),
    versions: () => [...versions.values()].sort((a, b) => a.order - b.order),
    latest,
    addFile({ blob, ...file }) {
      const version: Version = { action: 'upload', ...file, ...stamp(file.bucketId, false), blobs: [blob] };
      versions.set(version.fileId, version);
      return version;
    },
    hide(bucketId, fileName) {
      const shown = latest(bucketId, fileName);
      if (shown === undefined) throw new B2Refusal(400, 'no_such_file', `File not present: ${fileName}`);
      if (shown.action === 'hide')
        throw new B2Refusal(400, 'already_hidden', `File already hidden: ${fileName}`);
      const marker: Version = {
        action: 'hide',
        bucketId,
        fileName,
        contentType: 'application/x-bz-hide-marker',
        contentSha1: 'none',
        fileInfo: {},
        blobs: [],
        ...stamp(bucketId, false),
      };
      versions.set(marker.fileId, marker);
      return marker;
    },
    async deleteVersion(fileName, fileId) {
      const file = versions.get(fileId) ?? largeFiles.get(fileId);
      if (file?.fileName !== fileName) {
        throw new B2Refusal(400, 'file_not_present', `File not present: ${fileName} ${fileId}`);
      }
      versions.delete(fileId);
      largeFiles.delete(fileId);
      await blobs.discard(file.action === 'start' ? partBlobs(file) : file.blobs);
    },

    largeFiles: () => [...largeFiles.values()].sort((a, b) => a.order - b.order),
    largeFile,
    startLargeFile(file) {
      const started: LargeFile = {
        action: 'start',
        ...file,
        ...stamp(file.bucketId, true),
        parts: new Map(),
      };
      largeFiles.set(started.fileId, started);
      return started;
    },
    async putPart(fileId, partNumber, blob, contentSha1) {
      const { parts } = largeFile(fileId);
      const earlier = parts.get(partNumber);
      const part = { partNumber, blob, contentSha1, uploadTimestampMs: Date.now() };
      parts.set(partNumber, part);
      if (earlier) await blobs.discard([earlier.blob]);
      return part;
    },
    finishLargeFile(fileId, sha1s, minimumPartBytes) {
      const file = largeFile(fileId);
      const joined = joinParts(file, sha1s, minimumPartBytes);
      const { parts: _, ...facts } = file;
      const version: Version = { ...facts, action: 'upload', contentSha1: 'none', blobs: joined };
      largeFiles.delete(fileId);
      versions.set(fileId, version);
      return version;
    },
    async cancelLargeFile(fileId) {
      const file = largeFile(fileId);
      largeFiles.delete(fileId);
      await blobs.discard(partBlobs(file));
      return file;
    },
  };
}

function partBlobs(file: LargeFile): Blob[] {
  return [...file.parts.values()].map((part) => part.blob);
}

/** The parts' bytes in order, once they are contiguous from 1, as declared, and long enough. */
function joinParts(file: LargeFile, sha1s: readonly string[], minimumPartBytes: number): Blob[] {
  if (sha1s.length < 2) throw badRequest('A large file must have at least two parts');
  if (sha1s.length !== file.parts.size) {
    throw badRequest(`partSha1Array has ${sha1s.length} entries, but ${file.parts.size} parts were uploaded`);
  }
  return sha1s.map((sha1, index) => {
    const part = file.parts.get(index + 1);
    if (part === undefined) throw badRequest(`Part number ${index + 1} has not been uploaded`);
    if (part.blob.sha1 !== sha1.toLowerCase()) throw badRequest(`Part number ${index + 1} has another sha1`);
    if (part.blob.bytes < minimumPartBytes && index + 1 < sha1s.length) {
      throw badRequest(`Part number ${index + 1} is smaller than ${minimumPartBytes} bytes`);
    }
    return part.blob;
  });
}
