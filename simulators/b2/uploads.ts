import type { IncomingHttpHeaders } from 'node:http';
import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import type { Blob, Blobs } from './blobs.ts';
import { B2Refusal, badRequest } from './errors.ts';
import { checkFileInfo, checkFileName, decode, toContentType } from './names.ts';
import { fileObject, partObject } from './shapes.ts';
import type { Store } from './store.ts';
import type { Tokens } from './tokens.ts';

const MAX_UPLOAD_BYTES = 5_000_000_000;
const MAX_PART_NUMBER = 10_000;
const SHA1_BYTES = 40;
const SHA1 = /^[0-9a-f]{40}$/i;
const INFO_PREFIX = 'x-bz-info-';

/** Headers that would describe the file at its download; they travel as file info instead (B2, b2_upload_file). */
const FORBIDDEN_HEADERS = [
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'expires',
] as const;

/**
 * Creates the route for upload URLs. A body is hashed and laid down as it streams in; the file or part exists only
 * once its length and checksum have been found right.
 */
export function createUploads(options: {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly blobs: Blobs;
}) {
  const { store, tokens, blobs } = options;

  return async (request: SimulatorRequest, version: number): Promise<Answer> => {
    if (request.method !== 'POST') {
      throw new B2Refusal(405, 'method_not_allowed', `only POST, not ${request.method}`);
    }
    const lease = tokens.leaseUpload(request.url.pathname, request.headers.authorization);
    try {
      const upload = lease.kind === 'file' ? uploadFile : uploadPart;
      return { status: 200, body: await upload(request, lease.targetId, version) };
    } finally {
      lease.release();
    }
  };

  async function uploadFile(request: SimulatorRequest, bucketId: string, version: number): Promise<object> {
    const { headers } = request;
    store.bucket(bucketId);
    for (const name of FORBIDDEN_HEADERS) {
      if (headers[name] !== undefined) throw badRequest(`header ${name} must not be sent`);
    }
    const fileName = decode(requireHeader(headers, 'x-bz-file-name'));
    checkFileName(fileName);
    const contentType = toContentType(requireHeader(headers, 'content-type'), fileName);
    const fileInfo = checkFileInfo(fileName, readInfo(headers));
    const { blob, contentSha1 } = await receive(request);
    const file = store.addFile({ bucketId, fileName, contentType, fileInfo, contentSha1, blob });
    return fileObject(store.accountId, bucketId, file, version);
  }

  async function uploadPart(request: SimulatorRequest, fileId: string): Promise<object> {
    store.largeFile(fileId);
    const partNumber = Number(requireHeader(request.headers, 'x-bz-part-number'));
    if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > MAX_PART_NUMBER) {
      throw new B2Refusal(
        400,
        'invalid_part_number',
        `X-Bz-Part-Number must be from 1 to ${MAX_PART_NUMBER}`,
      );
    }
    const { blob, contentSha1 } = await receive(request, 1);
    try {
      return partObject(fileId, await store.putPart(fileId, partNumber, blob, contentSha1));
    } catch (error) {
      // The large file may be finished or cancelled while its part comes in.
      await blobs.discard([blob]);
      throw error;
    }
  }

  /** Takes in the body and holds it against its checksum; `contentSha1` is what B2 tells of it afterwards. */
  async function receive(
    request: SimulatorRequest,
    minimumBytes = 0,
  ): Promise<{ readonly blob: Blob; readonly contentSha1: string }> {
    const contentLength = readLength(request.headers);
    const checksum = requireHeader(request.headers, 'x-bz-content-sha1');
    const isAtEnd = checksum === 'hex_digits_at_end';
    const isUnverified = checksum === 'do_not_verify';
    if (!isAtEnd && !isUnverified && !SHA1.test(checksum))
      throw badRequest('X-Bz-Content-Sha1 is not a SHA-1');
    const trailerBytes = isAtEnd ? SHA1_BYTES : 0;
    const dataBytes = contentLength - trailerBytes;
    if (dataBytes < minimumBytes) throw badRequest(`Content-Length ${contentLength} is too small`);
    if (dataBytes > MAX_UPLOAD_BYTES)
      throw badRequest(`at most ${MAX_UPLOAD_BYTES} bytes go into one upload`);

    const { blob, trailer } = await blobs.receive(request.body, dataBytes, trailerBytes);
    if (isUnverified) return { blob, contentSha1: `unverified:${blob.sha1}` };
    if ((isAtEnd ? trailer : checksum).toLowerCase() === blob.sha1) return { blob, contentSha1: blob.sha1 };
    await blobs.discard([blob]);
    throw badRequest('Sha1 did not match data received');
  }
}

function readLength(headers: IncomingHttpHeaders): number {
  if (headers['transfer-encoding'] !== undefined || headers['content-length'] === undefined) {
    throw badRequest('Content-Length is required, chunked transfer encoding is not supported');
  }
  return Number(headers['content-length']);
}

function readInfo(headers: IncomingHttpHeaders): Record<string, string> {
  const info: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(INFO_PREFIX)) info[name.slice(INFO_PREFIX.length)] = decode(String(value));
  }
  return info;
}

function requireHeader(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  if (typeof value !== 'string' || value === '') throw badRequest(`required header ${name} is missing`);
  return value;
}
