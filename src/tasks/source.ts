import { type FileHandle, open } from 'node:fs/promises';
import type { Facts, Origin, Recording } from '../domain/recording.ts';
import { lengthOf } from '../lib/files.ts';
import { createGrowingFile, type GrowingFile } from '../lib/growing-file.ts';
import { checkUnchanged, openUnchanged } from '../lib/local-file.ts';

/** A recording's bytes on the local disk, for those who send them on while they may still be arriving. */
export interface Source extends Pick<GrowingFile, 'totalBytes' | 'read' | 'reaches' | 'proved'> {
  readonly contentId: string;
  readonly mediaType: string;
  readonly extension: string;
}

/** The same as fetch hands it over: what its bytes are, with the means to say that more or all of them are there. */
export interface OfferedSource extends Source, Pick<GrowingFile, 'prove' | 'fail'> {
  close(): Promise<void>;
}

/** Whether a recording's bytes are brought to the spool first; else they are read where they were handed over. */
export function isSpooled({ origin, isFromArchive }: Pick<Recording, 'origin' | 'isFromArchive'>): boolean {
  return origin.kind === 'zoom' || isFromArchive === true;
}

export type LocalOrigin = Extract<Origin, { kind: 'file' }>;

/** The bytes that an earlier attempt has fetched, or `undefined` if they are no longer on the disk. */
export async function openFetched(
  recording: Recording,
  fact: Facts['fetch'],
): Promise<OfferedSource | undefined> {
  const { origin } = recording;
  if (!isSpooled(recording) && origin.kind === 'file') return await openLocal(origin, fact);
  if ((await lengthOf(fact.path)) !== fact.bytes) return undefined;
  return offeredSource(await open(fact.path, 'r'), fact, fact.bytes);
}

/**
 * A file of this server, which is only read. That it still is the file that was handed over is looked at when it is
 * opened, and again each time before its end is given out.
 *
 * @throws KnownError `SOURCE_GONE` or `SOURCE_CHANGED`
 */
export async function openLocal(
  origin: LocalOrigin,
  what: { contentId: string; mediaType: string; extension: string },
): Promise<OfferedSource> {
  const handle = await openUnchanged(origin);
  return offeredSource(handle, { ...what, bytes: origin.bytes }, origin.bytes, async () => {
    await checkUnchanged(handle, origin);
  });
}

/** Bytes that lie on the disk or will, as others may read them. */
export function offeredSource(
  handle: FileHandle,
  what: { bytes: number; contentId: string; mediaType: string; extension: string },
  availableBytes: number,
  beforeLastByte?: () => Promise<void>,
): OfferedSource & Pick<GrowingFile, 'grow'> {
  const { bytes: totalBytes, contentId, mediaType, extension } = what;
  const file = createGrowingFile({
    handle,
    totalBytes,
    availableBytes,
    ...(beforeLastByte === undefined ? {} : { beforeLastByte }),
  });
  return { ...file, contentId, mediaType, extension, close: () => handle.close() };
}
