import { z } from 'zod';
import { KnownError, type Retry } from '../../domain/errors.ts';
import type { Body, Call, OpenedFile } from '../../engine/ports/store.ts';
import { contentRange, lengthFrom } from '../../lib/headers.ts';
import {
  chunksOf,
  parseJson,
  type Request,
  type Response,
  readText,
  refusal,
  send,
  sendForJson,
} from '../../lib/http.ts';

const SERVICE = 'Backblaze B2';

/** What B2 says of a request that can never be carried out, whenever it is sent. */
const FINAL_CODES = ['invalid_file_name', 'invalid_file_info', 'invalid_part_number', 'source_too_large'];

/** What B2 says of something that it does not have. */
const ABSENT_CODES = ['not_found', 'no_such_file', 'file_not_present'];

/** Clocks that differ by less are the same: the time of an answer is told in whole seconds, and it was under way. */
const SAME_TIME_MS = 5000;

/** How long to leave an account alone that has reached one of its caps. */
const CAP_PAUSE_MS = 15 * 60_000;

/** The name under which B2 is asked whether it takes bytes; nothing is ever kept under it. */
const PROBE_NAME = 'sluice-probe';

/** Backblaze B2, native API, reduced to what the archive needs. Every call makes one attempt. */
export interface B2 {
  /** The sizes that B2 asks for: files above `recommendedPartBytes` go in parts. Finds account and bucket beforehand. */
  partLimits(call: Call): Promise<{ recommendedPartBytes: number; minPartBytes: number }>;

  /**
   * Asks B2 whether it is well by what belongs to no recording: account, bucket, and an upload that it is to refuse for its
   * digest. Leaves nothing.
   *
   * @throws KnownError what a recording would meet as well.
   */
  probe(call: Call): Promise<void>;

  /** What the key may do. Finds account and bucket beforehand. */
  keyRights(call: Call): Promise<KeyRights>;

  /** Uploads a file in one request, its SHA-1 behind its bytes. Not idempotent: a repeat makes a second version. */
  uploadFile(input: Call & NewFile & Body): Promise<{ fileId: string; sha1: string }>;

  /** Begins a large file. Not idempotent. */
  startLargeFile(input: Call & NewFile): Promise<{ fileId: string }>;
  /** Uploads one part, its SHA-1 behind its bytes. Repeating it replaces the part. */
  uploadPart(input: Call & Body & { fileId: string; partNumber: number }): Promise<{ sha1: string }>;
  /** The parts that have arrived, by number; `undefined` if B2 has no such unfinished file. */
  listParts(input: Call & { fileId: string }): Promise<ReadonlyMap<number, UploadedPart> | undefined>;
  /** Makes the parts 1 to n one file. A repeat is refused, even where the first one was carried out. */
  finishLargeFile(input: Call & { fileId: string; partSha1s: readonly string[] }): Promise<void>;
  /** Throws an unfinished large file away; one that is gone already is no error. */
  cancelLargeFile(input: Call & { fileId: string }): Promise<void>;
  /** Removes a finished file; one that is gone already is no error. The key must have the capability deleteFiles. */
  deleteFile(input: Call & { fileId: string; fileName: string }): Promise<void>;
  /** Unfinished large files whose name begins so, oldest first. */
  listUnfinished(input: Call & { namePrefix: string }): Promise<UnfinishedFile[]>;

  /**
   * Opens a finished file for reading, from a byte on.
   *
   * @throws KnownError `ARCHIVED_FILE_GONE`
   */
  openFile(input: Call & { fileId: string; fromByte: number }): Promise<OpenedFile>;

  /** A finished or unfinished file by its id, or `undefined`. */
  fileInfo(input: Call & { fileId: string }): Promise<StoredFile | undefined>;
  /** Every finished version of exactly this name, newest first, those below a hide marker too. */
  listVersions(input: Call & { fileName: string }): Promise<StoredFile[]>;
}

export interface KeyRights {
  /** Such as `writeFiles`. */
  readonly capabilities: readonly string[];
  /** The key sees only files whose names begin so. */
  readonly namePrefix: string | undefined;
}

export interface NewFile {
  readonly fileName: string;
  readonly contentType: string;
  /** Names in lower case; kept with the file. */
  readonly fileInfo: Readonly<Record<string, string>>;
}

export interface UnfinishedFile {
  readonly fileId: string;
  readonly fileName: string;
  readonly fileInfo: Readonly<Record<string, string>>;
  /** By our clock, whatever B2's shows. */
  readonly startedAtMs: number;
}

export interface UploadedPart {
  readonly bytes: number;
  readonly sha1: string;
}

export interface StoredFile {
  readonly fileId: string;
  readonly fileName: string;
  readonly bytes: number;
  /** `undefined` for a large file, of which B2 keeps the parts' digests only. */
  readonly sha1: string | undefined;
  readonly fileInfo: Readonly<Record<string, string>>;
  readonly isFinished: boolean;
}

export interface B2Options {
  readonly apiUrl: string;
  readonly keyId: string;
  readonly applicationKey: string;
  readonly bucket: string;
  readonly idleTimeoutMs: number;
  /** The least rate of uploads. */
  readonly minBytesPerSecond?: number;
}

const fileShape = z.object({
  fileId: z.string(),
  fileName: z.string(),
  action: z.string(),
  contentLength: z.number(),
  contentSha1: z.string().nullable(),
  fileInfo: z.record(z.string(), z.string()).default({}),
  uploadTimestamp: z.number().default(0),
});

const rightsShape = z.object({
  capabilities: z.array(z.string()).optional(),
  namePrefix: z.string().nullish(),
});

const storageShape = rightsShape.extend({
  apiUrl: z.string(),
  downloadUrl: z.string().optional(),
  recommendedPartSize: z.number(),
  absoluteMinimumPartSize: z.number(),
  /** Versions 2 and 4 put the rights in here. */
  allowed: rightsShape.optional(),
});

const credentialsShape = z.object({ accountId: z.string(), authorizationToken: z.string() });

/** Versions 3 and 4 of the API put the addresses into `apiInfo.storageApi`, version 2 beside the token. */
const authorizationShape = z.union([
  credentialsShape
    .extend({ apiInfo: z.object({ storageApi: storageShape }) })
    .transform(({ apiInfo, ...credentials }) => ({ ...credentials, ...apiInfo.storageApi })),
  credentialsShape.extend(storageShape.shape),
]);

const idShape = z.object({ fileId: z.string() });
const uploadUrlShape = z.object({ uploadUrl: z.string(), authorizationToken: z.string() });
const partListShape = z.object({
  parts: z.array(z.object({ partNumber: z.number(), contentLength: z.number(), contentSha1: z.string() })),
  nextPartNumber: z.number().nullish(),
});
const versionListShape = z.object({
  files: z.array(fileShape),
  nextFileName: z.string().nullish(),
  nextFileId: z.string().nullish(),
});
const unfinishedListShape = z.object({ files: z.array(fileShape), nextFileId: z.string().nullish() });

type UploadUrl = z.infer<typeof uploadUrlShape>;

/** Percent-encodes a file name as B2 wants it in headers: every byte but unreserved ones and the slash. */
export function encodeFileName(fileName: string): string {
  return fileName.split('/').map(encodeURIComponent).join('/');
}

/** Creates a client of the native API, version 3, for one bucket. */
export function createB2(options: B2Options): B2 {
  let account: z.infer<typeof authorizationShape> | undefined;
  let bucketId: string | undefined;
  /** How far our clock is ahead of B2's, by its last answer. */
  let aheadMs = 0;
  /** Upload URLs that have just served well, by what they are for. One URL serves one upload at a time. */
  const spareUrls = new Map<string, UploadUrl[]>();

  /** The account's token, kept until B2 no longer takes it. */
  async function authorize(signal: AbortSignal) {
    account ??= await authorizeAnew(signal);
    return account;
  }

  function authorizeAnew(signal: AbortSignal) {
    return sendForJson(
      {
        service: SERVICE,
        method: 'GET',
        url: `${options.apiUrl}/b2api/v3/b2_authorize_account`,
        headers: {
          authorization: `Basic ${Buffer.from(`${options.keyId}:${options.applicationKey}`).toString('base64')}`,
        },
        signal,
        idleTimeoutMs: options.idleTimeoutMs,
      },
      authorizationShape,
      describe,
    );
  }

  /** Calls the API; a token that has run out is replaced and the call repeated, since nothing happened yet. */
  async function call<T>(
    operation: string,
    json: object,
    shape: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    for (let isFresh = false; ; isFresh = true) {
      const { authorizationToken, apiUrl } = await authorize(signal);
      const request: Request = {
        service: SERVICE,
        method: 'POST',
        url: `${apiUrl}/b2api/v3/${operation}`,
        headers: { authorization: authorizationToken, 'content-type': 'application/json' },
        body: JSON.stringify(json),
        signal,
        idleTimeoutMs: options.idleTimeoutMs,
      };
      try {
        const response = await send(request);
        const text = await readText(request, response);
        if (response.status < 200 || response.status > 299)
          throw describe(request, response.status, text, response.headers);
        const differenceMs = Date.now() - Date.parse(response.headers.date ?? '');
        aheadMs = Math.abs(differenceMs) > SAME_TIME_MS ? differenceMs : 0;
        return parseJson(request, text, shape);
      } catch (error) {
        if (isFresh || !isTokenError(error)) throw error;
        account = undefined;
      }
    }
  }

  async function bucket(signal: AbortSignal): Promise<string> {
    bucketId ??= await findBucket(signal);
    return bucketId;
  }

  async function findBucket(signal: AbortSignal): Promise<string> {
    const { accountId } = await authorize(signal);
    const shape = z.object({ buckets: z.array(z.object({ bucketId: z.string(), bucketName: z.string() })) });
    const { buckets } = await call(
      'b2_list_buckets',
      { accountId, bucketName: options.bucket },
      shape,
      signal,
    );
    const found = buckets.find((each) => each.bucketName === options.bucket);
    if (found === undefined) {
      throw new KnownError(`${SERVICE} has no bucket ${options.bucket} that this key can see (B2_BUCKET)`, {
        code: 'REMOTE_UNAUTHORIZED',
        retry: 'backoff',
      });
    }
    return found.bucketId;
  }

  /**
   * Sends bytes to an upload URL. A URL that took them serves again; after any failure the next call gets a new one,
   * as B2 wants it.
   */
  async function upload<T>(
    purpose: { key: string; operation: string; json: object },
    input: Call & Body,
    headers: Readonly<Record<string, string>>,
    shape: z.ZodType<T & { contentSha1: string | null }>,
  ): Promise<{ answer: T; sha1: string }> {
    const { signal } = input;
    const spare = spareUrls.get(purpose.key) ?? [];
    spareUrls.set(purpose.key, spare);
    const target = spare.pop() ?? (await call(purpose.operation, purpose.json, uploadUrlShape, signal));

    const request: Request = {
      service: SERVICE,
      method: 'POST',
      url: target.uploadUrl,
      headers: {
        ...headers,
        authorization: target.authorizationToken,
        'x-bz-content-sha1': 'hex_digits_at_end',
      },
      body: {
        bytes: input.bytes,
        chunks: input.chunks,
        onSent: input.onSent,
        digest: 'sha1',
        appendsDigest: true,
      },
      signal,
      idleTimeoutMs: options.idleTimeoutMs,
      minBytesPerSecond: options.minBytesPerSecond,
    };
    const response = await send(request);
    const text = await readText(request, response);
    if (response.status !== 200) throw uploadError(request, response, text);

    const answer = parseJson(request, text, shape);
    const sha1 = response.sentDigest;
    if (sha1 === undefined || answer.contentSha1?.replace('unverified:', '') !== sha1) {
      throw new KnownError(`${SERVICE} stored other bytes than were sent to it`, {
        code: 'TRANSFER_CORRUPT',
        retry: 'backoff',
      });
    }
    spare.push(target);
    return { answer, sha1 };
  }

  /** Sends a byte with the digest of another, which B2 refuses once it has taken it. */
  async function uploadRefusable(fileName: string, signal: AbortSignal): Promise<void> {
    const id = await bucket(signal);
    const target = await call('b2_get_upload_url', { bucketId: id }, uploadUrlShape, signal);
    const request: Request = {
      service: SERVICE,
      method: 'POST',
      url: target.uploadUrl,
      headers: {
        authorization: target.authorizationToken,
        'content-type': 'application/octet-stream',
        'x-bz-file-name': encodeFileName(fileName),
        'x-bz-content-sha1': '0'.repeat(40),
      },
      body: '?',
      signal,
      idleTimeoutMs: options.idleTimeoutMs,
    };
    const response = await send(request);
    const text = await readText(request, response);
    const error = describe(request, response.status, text, response.headers);
    if (response.status === 200) {
      const { fileId } = parseJson(request, text, idShape);
      await call('b2_delete_file_version', { fileId, fileName }, idShape, signal);
    } else if (!isRejection(error)) throw error;
  }

  async function openFile(input: Call & { fileId: string; fromByte: number }): Promise<OpenedFile> {
    const { fileId, fromByte, signal } = input;
    for (let isFresh = false; ; isFresh = true) {
      const { authorizationToken, apiUrl, downloadUrl = apiUrl } = await authorize(signal);
      const request: Request = {
        service: SERVICE,
        method: 'GET',
        url: `${downloadUrl}/b2api/v3/b2_download_file_by_id?fileId=${encodeURIComponent(fileId)}`,
        headers: {
          authorization: authorizationToken,
          'accept-encoding': 'identity',
          ...(fromByte === 0 ? {} : { range: `bytes=${fromByte}-` }),
        },
        signal,
        idleTimeoutMs: options.idleTimeoutMs,
        minBytesPerSecond: options.minBytesPerSecond,
      };
      const response = await send(request);
      if (response.status === 200 || response.status === 206) return toOpened(request, response, fromByte);
      const text = await readText(request, response);
      const error = describe(request, response.status, text, response.headers);
      if (isAbsence(error)) throw archivedFileGone(fileId, error);
      if (isFresh || !isTokenError(error)) throw error;
      account = undefined;
    }
  }

  async function fileInfo({ fileId, signal }: Call & { fileId: string }): Promise<StoredFile | undefined> {
    try {
      return toStoredFile(await call('b2_get_file_info', { fileId }, fileShape, signal));
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }

  /**
   * Whether a call was refused because its file is no longer there, or no longer of the kind that the call is for. B2
   * refuses that by the same code as anything odd, so the file itself is asked for.
   */
  async function isGone(
    error: unknown,
    file: Call & { fileId: string },
    isOther: (file: StoredFile) => boolean,
  ): Promise<boolean> {
    if (!isRejection(error)) return false;
    if (isAbsence(error)) return true;
    const found = await fileInfo(file);
    return found === undefined || isOther(found);
  }

  return {
    async probe({ signal }) {
      account = await authorizeAnew(signal);
      bucketId = await findBucket(signal);
      const { namePrefix } = account.allowed ?? account;
      await uploadRefusable(`${namePrefix ?? ''}${PROBE_NAME}`, signal);
    },

    async partLimits({ signal }) {
      const { recommendedPartSize, absoluteMinimumPartSize } = await authorize(signal);
      await bucket(signal);
      return { recommendedPartBytes: recommendedPartSize, minPartBytes: absoluteMinimumPartSize };
    },

    async keyRights({ signal }) {
      const storage = await authorize(signal);
      const { capabilities = [], namePrefix } = storage.allowed ?? storage;
      await bucket(signal);
      return { capabilities, namePrefix: namePrefix ?? undefined };
    },

    async uploadFile(input) {
      const id = await bucket(input.signal);
      const info = Object.entries(input.fileInfo).map(([key, value]) => [
        `x-bz-info-${key}`,
        encodeURIComponent(value),
      ]);
      const { answer, sha1 } = await upload(
        { key: 'file', operation: 'b2_get_upload_url', json: { bucketId: id } },
        input,
        {
          'content-type': input.contentType,
          'x-bz-file-name': encodeFileName(input.fileName),
          ...Object.fromEntries(info),
        },
        fileShape,
      );
      return { fileId: answer.fileId, sha1 };
    },

    async startLargeFile({ fileName, contentType, fileInfo, signal }) {
      const json = { bucketId: await bucket(signal), fileName, contentType, fileInfo };
      const { fileId } = await call('b2_start_large_file', json, idShape, signal);
      return { fileId };
    },

    async uploadPart(input) {
      const { fileId, partNumber } = input;
      const { sha1 } = await upload(
        { key: fileId, operation: 'b2_get_upload_part_url', json: { fileId } },
        input,
        { 'x-bz-part-number': String(partNumber) },
        z.object({ contentSha1: z.string() }),
      );
      return { sha1 };
    },

    async listParts({ fileId, signal }) {
      const parts = new Map<number, UploadedPart>();
      let startPartNumber: number | null | undefined = 1;
      try {
        while (startPartNumber != null) {
          const json = { fileId, startPartNumber, maxPartCount: 1000 };
          const page: z.infer<typeof partListShape> = await call(
            'b2_list_parts',
            json,
            partListShape,
            signal,
          );
          for (const part of page.parts) {
            parts.set(part.partNumber, { bytes: part.contentLength, sha1: part.contentSha1 });
          }
          startPartNumber = page.nextPartNumber;
        }
      } catch (error) {
        if (await isGone(error, { fileId, signal }, (file) => file.isFinished)) return undefined;
        throw error;
      }
      return parts;
    },

    async finishLargeFile({ fileId, partSha1s, signal }) {
      await call('b2_finish_large_file', { fileId, partSha1Array: partSha1s }, idShape, signal);
      spareUrls.delete(fileId);
    },

    async cancelLargeFile({ fileId, signal }) {
      spareUrls.delete(fileId);
      try {
        await call('b2_cancel_large_file', { fileId }, idShape, signal);
      } catch (error) {
        if (!(await isGone(error, { fileId, signal }, (file) => file.isFinished))) throw error;
      }
    },

    async deleteFile({ fileId, fileName, signal }) {
      try {
        await call('b2_delete_file_version', { fileId, fileName }, idShape, signal);
      } catch (error) {
        if (!(await isGone(error, { fileId, signal }, () => false))) throw error;
      }
    },

    async listUnfinished({ namePrefix, signal }) {
      const found: UnfinishedFile[] = [];
      let startFileId: string | null | undefined;
      do {
        const json = { bucketId: await bucket(signal), namePrefix, startFileId, maxFileCount: 100 };
        const page: z.infer<typeof unfinishedListShape> = await call(
          'b2_list_unfinished_large_files',
          json,
          unfinishedListShape,
          signal,
        );
        for (const { fileId, fileName, fileInfo, uploadTimestamp } of page.files) {
          found.push({ fileId, fileName, fileInfo, startedAtMs: uploadTimestamp + aheadMs });
        }
        startFileId = page.nextFileId;
      } while (startFileId != null);
      return found;
    },

    openFile,
    fileInfo,

    async listVersions({ fileName, signal }) {
      const found: StoredFile[] = [];
      const bucketId = await bucket(signal);
      let start: { startFileName: string; startFileId?: string } | undefined = { startFileName: fileName };
      while (start !== undefined) {
        const json = { bucketId, prefix: fileName, maxFileCount: 100, ...start };
        const page: z.infer<typeof versionListShape> = await call(
          'b2_list_file_versions',
          json,
          versionListShape,
          signal,
        );
        found.push(
          ...page.files
            .filter((file) => file.fileName === fileName && file.action === 'upload')
            .map(toStoredFile),
        );
        // What else begins so comes behind it.
        const isMore = page.nextFileName === fileName && page.nextFileId != null;
        start = isMore ? { startFileName: fileName, startFileId: page.nextFileId ?? '' } : undefined;
      }
      return found;
    },
  };
}

/** @throws KnownError `REMOTE_ANSWER_INVALID` for other bytes than the ones that were asked for. */
function toOpened(request: Request, response: Response, fromByte: number): OpenedFile {
  const { headers, status, body } = response;
  const range = status === 206 ? contentRange(headers['content-range']) : undefined;
  const totalBytes = status === 206 ? range?.total : lengthFrom(headers['content-length']);
  const isAsked = status === 206 ? range?.start === fromByte : true;
  if (totalBytes === undefined || !isAsked) {
    body.destroy();
    throw new KnownError(`${SERVICE} does not say which bytes of the file it sends`, {
      code: 'REMOTE_ANSWER_INVALID',
      retry: 'backoff',
    });
  }
  const chunks = chunksOf(request, response);
  return { startByte: range?.start ?? 0, totalBytes, chunks, dismiss: () => body.destroy() };
}

function archivedFileGone(fileId: string, cause: KnownError): KnownError {
  return new KnownError(`${SERVICE} no longer has the archived file ${fileId}`, {
    code: 'ARCHIVED_FILE_GONE',
    cause,
    details: cause.details,
  });
}

function toStoredFile(file: z.infer<typeof fileShape>): StoredFile {
  const sha1 = file.contentSha1?.replace('unverified:', '');
  return {
    fileId: file.fileId,
    fileName: file.fileName,
    bytes: file.contentLength,
    sha1: sha1 === 'none' ? undefined : sha1,
    fileInfo: file.fileInfo,
    isFinished: file.action === 'upload',
  };
}

/** B2's error body: `{status, code, message}`; the code decides, the message is for people. */
function errorCode(text: string): string | undefined {
  const body = /"code"\s*:\s*"([^"]+)"/.exec(text);
  return body?.[1];
}

function describe(request: Request, status: number, text: string, headers: Response['headers']): KnownError {
  const error = refusal(request, status, text, headers);
  const code = errorCode(text);
  const details = { ...error.details, b2Code: code };
  if (status === 403 && code?.endsWith('cap_exceeded')) {
    return new KnownError(`${error.message}: a cap of the account is reached`, {
      code: 'REMOTE_CAP_EXCEEDED',
      retry: { waitMs: CAP_PAUSE_MS },
      details,
    });
  }
  // One refusal is no verdict, unless its code says that it cannot be otherwise the next time.
  const isFinal = code !== undefined && FINAL_CODES.includes(code);
  const retry = error.retry === 'never' && !isFinal ? 'backoff' : error.retry;
  return new KnownError(error.message, { code: error.code, retry, details });
}

/**
 * An answer to an upload: what an upload URL says of itself (401, 408, 5xx) is healed by another URL, and what B2 calls a
 * bad request (400) is most often bytes that came to harm on their way. Which words it has for that does not matter.
 */
function uploadError(request: Request, response: Response, text: string): KnownError {
  const error = describe(request, response.status, text, response.headers);
  const isUrlWorn = response.status === 401 || error.details['b2Code'] === 'auth_token_limit';
  const isCorrupt = !isUrlWorn && response.status === 400 && error.retry !== 'never';
  if (!isUrlWorn && !isCorrupt) return error;
  const retry: Retry = 'backoff';
  return new KnownError(error.message, {
    code: isCorrupt ? 'TRANSFER_CORRUPT' : 'REMOTE_UNAVAILABLE',
    retry,
    details: error.details,
  });
}

function isTokenError(error: unknown): boolean {
  return (
    error instanceof KnownError &&
    error.details['status'] === 401 &&
    ['expired_auth_token', 'bad_auth_token'].includes(String(error.details['b2Code']))
  );
}

/** B2 does not have what was asked for. */
function isAbsence(error: unknown): boolean {
  return isRejection(error) && ABSENT_CODES.includes(String(error.details['b2Code']));
}

/** A plain no, such as for an id that B2 does not know (400 or 404). */
function isRejection(error: unknown): error is KnownError {
  return error instanceof KnownError && error.code === 'REMOTE_REJECTED';
}
