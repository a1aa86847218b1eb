import type { Entry } from './listing.ts';
import type { Bucket, Part } from './store.ts';

/** What a key may do unless told otherwise. */
export const ALL_CAPABILITIES: readonly string[] = [
  'deleteBuckets',
  'deleteFiles',
  'listBuckets',
  'listFiles',
  'readBuckets',
  'readFiles',
  'shareFiles',
  'writeBuckets',
  'writeFiles',
];

const NO_ENCRYPTION = { algorithm: null, mode: null };
const NO_RETENTION = { isClientAuthorizedToRead: true, value: { mode: null, retainUntilTimestamp: null } };
const NO_LEGAL_HOLD = { isClientAuthorizedToRead: true, value: null };

/** What b2_authorize_account answers, in the shape of its API version. `baseUrl` serves all three purposes. */
export function authorization(
  version: number,
  facts: {
    readonly accountId: string;
    readonly token: string;
    readonly baseUrl: string;
    readonly recommendedPartSize: number;
    readonly absoluteMinimumPartSize: number;
    readonly capabilities: readonly string[];
  },
): object {
  const { accountId, baseUrl, recommendedPartSize, absoluteMinimumPartSize, capabilities } = facts;
  const urls = { apiUrl: baseUrl, downloadUrl: baseUrl, s3ApiUrl: baseUrl };
  const sizes = { recommendedPartSize, absoluteMinimumPartSize };
  const account = { accountId, authorizationToken: facts.token };
  const allBuckets = { bucketId: null, bucketName: null, namePrefix: null, capabilities };
  if (version <= 2) {
    const older = version === 1 ? { minimumPartSize: recommendedPartSize } : {};
    return { ...account, ...urls, ...sizes, ...older, allowed: allBuckets };
  }
  const rights =
    version === 3
      ? { infoType: 'storageApi', ...allBuckets }
      : { allowed: { buckets: null, namePrefix: null, capabilities } };
  return {
    ...account,
    applicationKeyExpirationTimestamp: null,
    apiInfo: { storageApi: { ...urls, ...sizes, ...rights } },
  };
}

/** A bucket as B2 tells it. */
export function bucketObject(accountId: string, bucket: Bucket): object {
  return {
    accountId,
    ...bucket,
    bucketInfo: {},
    corsRules: [],
    defaultServerSideEncryption: { isClientAuthorizedToRead: true, value: NO_ENCRYPTION },
    fileLockConfiguration: {
      isClientAuthorizedToRead: true,
      value: { defaultRetention: { mode: null, period: null }, isFileLockEnabled: false },
    },
    lifecycleRules: [],
    options: ['s3'],
    replicationConfiguration: { isClientAuthorizedToRead: true, value: null },
    revision: 1,
  };
}

/** A file as B2 tells it; API v1 has its length under `size` as well. */
export function fileObject(accountId: string, bucketId: string, entry: Entry, version: number): object {
  const isFolder = entry.action === 'folder';
  const contentLength = entry.action === 'upload' ? lengthOf(entry) : 0;
  const contentSha1 = entry.action === 'start' ? 'none' : isFolder ? null : entry.contentSha1;
  return {
    accountId,
    action: entry.action,
    bucketId,
    contentLength,
    ...(version === 1 ? { size: contentLength } : {}),
    contentMd5: null,
    contentSha1,
    contentType: isFolder ? null : entry.contentType,
    fileId: isFolder ? null : entry.fileId,
    fileInfo: isFolder ? {} : entry.fileInfo,
    fileName: entry.fileName,
    // Neither a folder nor a hide marker can be locked, and B2 says nothing of locks there.
    ...(isFolder || entry.action === 'hide' ? {} : { fileRetention: NO_RETENTION, legalHold: NO_LEGAL_HOLD }),
    serverSideEncryption: NO_ENCRYPTION,
    uploadTimestamp: isFolder ? 0 : entry.uploadTimestampMs,
  };
}

/** A part of the large file `fileId` as B2 tells it. */
export function partObject(fileId: string, part: Part): object {
  return {
    fileId,
    partNumber: part.partNumber,
    contentLength: part.blob.bytes,
    contentMd5: null,
    contentSha1: part.contentSha1,
    serverSideEncryption: NO_ENCRYPTION,
    uploadTimestamp: part.uploadTimestampMs,
  };
}

/** A version's length in bytes. */
export function lengthOf(version: { readonly blobs: readonly { readonly bytes: number }[] }): number {
  return version.blobs.reduce((sum, blob) => sum + blob.bytes, 0);
}
