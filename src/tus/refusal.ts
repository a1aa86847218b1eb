import { ERRORS } from '@tus/server';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import { isMachineTrouble, machineTrouble } from '../domain/errors.ts';
import { problemOf } from '../domain/problem.ts';

/** An answer as the tus library takes it. */
export interface TusAnswer {
  readonly status_code: number;
  readonly body: string;
}

/** A request that is answered with a problem document: the stable code, what is wrong, and what to do about it. */
export class UploadRefused extends Error implements TusAnswer {
  readonly status_code: number;
  readonly code: ErrorCode;
  readonly body: string;

  constructor(status: number, code: ErrorCode, sentence: string, advice?: string) {
    super(sentence);
    this.name = 'UploadRefused';
    this.status_code = status;
    this.code = code;
    this.body = JSON.stringify(problemOf(status, code, sentence, advice === undefined ? {} : { advice }));
  }
}

export function notMedia(sentence: string): UploadRefused {
  return new UploadRefused(415, 'NOT_MEDIA', sentence);
}

/**
 * What stock clients do with an answer decides its status: tus-js-client tries again after 5xx, 409 and 423, but where
 * it asked for the offset, any failure other than 423 makes it begin a new upload from the first byte.
 */
export const LOCKED = 423;

const ASK_AGAIN = 'Ask for the offset with HEAD and go on from there.';

/** The library's errors in our words. */
const LIBRARY_ERRORS: ReadonlyMap<unknown, UploadRefused> = new Map<unknown, UploadRefused>([
  [ERRORS.FILE_NOT_FOUND, gone(404, 'There is no such upload.')],
  [ERRORS.FILE_NO_LONGER_EXISTS, gone(410, 'This upload has expired.')],
  [
    ERRORS.INVALID_OFFSET,
    new UploadRefused(409, 'REQUEST_INVALID', 'The upload stands at another offset.', ASK_AGAIN),
  ],
  [
    ERRORS.INVALID_TERMINATION,
    new UploadRefused(
      403,
      'REQUEST_INVALID',
      'The upload is finished.',
      'It cannot be taken back from here.',
    ),
  ],
  [
    ERRORS.ABORTED,
    new UploadRefused(
      LOCKED,
      'REQUEST_INVALID',
      'Another request has taken this upload over, or the connection broke.',
      ASK_AGAIN,
    ),
  ],
  [
    ERRORS.ERR_LOCK_TIMEOUT,
    new UploadRefused(LOCKED, 'REQUEST_INVALID', 'Another request holds this upload.', ASK_AGAIN),
  ],
  [
    ERRORS.UNSUPPORTED_CREATION_DEFER_LENGTH_EXTENSION,
    new UploadRefused(400, 'REQUEST_INVALID', 'The length of the upload must be known when it begins.'),
  ],
  [ERRORS.INVALID_LENGTH, new UploadRefused(400, 'REQUEST_INVALID', 'The request has no Upload-Length.')],
]);

function gone(status: number, sentence: string): UploadRefused {
  return new UploadRefused(status, 'NOT_FOUND', sentence, 'Begin a new one.');
}

/**
 * What a client is told of an error. What nobody foresaw, such as a full disk, is told without its details, and as
 * something that may heal; `isUnforeseen` says that the details belong in the log.
 */
export function answerFor(error: unknown, method: string): TusAnswer & { readonly isUnforeseen: boolean } {
  const known = error instanceof UploadRefused ? error : LIBRARY_ERRORS.get(error);
  if (known !== undefined) return { status_code: known.status_code, body: known.body, isUnforeseen: false };

  const { status, text } = asLibraryError(error);
  if (status === 413) {
    const { body } = new UploadRefused(
      413,
      'UPLOAD_TOO_LARGE',
      'The upload is larger than this server accepts, or than it said.',
    );
    return { status_code: 413, body, isUnforeseen: false };
  }
  if (status >= 400 && status < 500) {
    const { body } = new UploadRefused(status, 'REQUEST_INVALID', `${text}.`);
    return { status_code: status, body, isUnforeseen: false };
  }
  if (status === 501) {
    const { body } = new UploadRefused(
      501,
      'REQUEST_INVALID',
      'This server does not offer that part of tus.',
      text,
    );
    return { status_code: 501, body, isUnforeseen: false };
  }
  const refused = storageFailed(machineTrouble(error) ?? error);
  return {
    status_code: method === 'HEAD' ? LOCKED : refused.status_code,
    body: refused.body,
    isUnforeseen: true,
  };
}

/** A full disk is told as such, and what else this machine cannot do at this moment as something that passes. */
function storageFailed(error: unknown): UploadRefused {
  if (isMachineTrouble(error) && error.code === 'DISK_FULL') {
    return new UploadRefused(507, 'UPLOAD_NO_SPACE', 'There is no room for more bytes.');
  }
  const status = isMachineTrouble(error) ? 503 : 500;
  return new UploadRefused(status, 'UPLOAD_STORAGE_FAILED', 'The server could not store the upload.');
}

/** The status and words of an error that the library made; status 500 for anything else. */
function asLibraryError(error: unknown): { status: number; text: string } {
  if (typeof error !== 'object' || error === null || !('status_code' in error) || !('body' in error)) {
    return { status: 500, text: '' };
  }
  return { status: Number(error.status_code), text: String(error.body).trim().replace(/\.$/, '') };
}
