import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import { KnownError, systemCode } from '../domain/errors.ts';
import { type MediaType, mediaTypeOf, SNIFFED_BYTES } from './media-type.ts';

/** A file of this server as it was found through one open handle. */
export interface LocalFile {
  /** With every symbolic link followed. */
  readonly realPath: string;
  readonly bytes: number;
  /** Whole milliseconds. */
  readonly modifiedAtMs: number;
  /** `undefined` if it is neither audio nor video. */
  readonly media: MediaType | undefined;
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'FILE_NOT_FOUND',
  ENOTDIR: 'FILE_NOT_FOUND',
  ELOOP: 'PATH_LOOP',
  ENAMETOOLONG: 'PATH_INVALID',
  EACCES: 'FILE_NOT_READABLE',
  EPERM: 'FILE_NOT_READABLE',
  ENXIO: 'FILE_NOT_REGULAR',
};

/**
 * Looks at the file that a caller names.
 *
 * @throws KnownError `PATH_INVALID`, `PATH_LOOP`, `FILE_NOT_FOUND`, `FILE_NOT_READABLE`, `FILE_NOT_REGULAR` or
 * `FILE_EMPTY`
 */
export async function inspectLocalFile(path: string): Promise<LocalFile> {
  if (path.includes('\0')) throw new KnownError('The path contains a NUL byte', { code: 'PATH_INVALID' });
  if (!isAbsolute(path)) throw new KnownError('The path is not absolute', { code: 'PATH_INVALID' });
  let handle: FileHandle | undefined;
  try {
    const realPath = await realpath(path);
    // Without O_NONBLOCK a pipe would be waited for.
    handle = await open(realPath, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await handle.stat();
    if (!found.isFile()) throw new KnownError('The path names no regular file', { code: 'FILE_NOT_REGULAR' });
    if (found.size === 0) throw new KnownError('The file is empty', { code: 'FILE_EMPTY' });

    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
    return {
      realPath,
      bytes: found.size,
      modifiedAtMs: Math.trunc(found.mtimeMs),
      media: await mediaTypeOf(buffer.subarray(0, bytesRead)),
    };
  } catch (error) {
    const code = CODES[systemCode(error) ?? ''];
    if (code === undefined) throw error;
    throw new KnownError(`The file cannot be used (${systemCode(error)})`, { code, cause: error });
  } finally {
    await handle?.close();
  }
}
