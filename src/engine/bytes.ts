import type { FileHandle } from 'node:fs/promises';
import { createGrowingFile, type GrowingFile } from '../lib/growing-file.ts';

/** Bytes on the local disk, for those who send them on while they may still be arriving. */
export interface Bytes extends Pick<GrowingFile, 'totalBytes' | 'read' | 'reaches' | 'proved'> {
  readonly contentId: string;
  readonly mediaType: string;
  readonly extension: string;
  /** Where they lie, for programs that read them by themselves; of growing ones that is too early. */
  readonly path: string;
}

/** The same as their maker hands them over: with the means to say that more or all of them are there. */
export interface OfferedBytes extends Bytes, Pick<GrowingFile, 'prove' | 'fail'> {
  close(): Promise<void>;
}

/** Bytes that lie on the disk or will, as others may read them. */
export function offeredBytes(
  handle: FileHandle,
  what: { bytes: number; contentId: string; mediaType: string; extension: string; path: string },
  availableBytes: number,
  beforeLastByte?: () => Promise<void>,
): OfferedBytes & Pick<GrowingFile, 'grow'> {
  const { bytes: totalBytes, contentId, mediaType, extension, path } = what;
  const file = createGrowingFile({
    handle,
    totalBytes,
    availableBytes,
    ...(beforeLastByte === undefined ? {} : { beforeLastByte }),
  });
  return { ...file, contentId, mediaType, extension, path, close: () => handle.close() };
}
