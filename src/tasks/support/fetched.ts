import { open } from 'node:fs/promises';
import { type Facts, liesElsewhere, type Origin, type Recording } from '../../domain/recording.ts';
import { type OfferedBytes, offeredBytes } from '../../engine/bytes.ts';
import { lengthOf } from '../../lib/files.ts';
import { checkUnchanged, openUnchanged } from '../../lib/local-file.ts';
import type { Spool } from './spool.ts';

/** Whether a recording's bytes were brought to the spool; else they are read where they were handed over. */
export function isSpooled(
  { origin }: Pick<Recording, 'origin'>,
  { path, contentId }: Pick<Facts['fetch'], 'path' | 'contentId'>,
): boolean {
  if (origin.kind === 'file') return path !== origin.path;
  if (origin.kind !== 'input' || origin.file === undefined) return true;
  return contentId !== contentIdOfFile(origin.bytes, origin.file.modifiedAtMs);
}

/** What tells the bytes of a file of this machine from others. */
export function contentIdOfFile(bytes: number | null, modifiedAtMs: number): string {
  return `${bytes}:${modifiedAtMs}`;
}

export type LocalOrigin = Extract<Origin, { kind: 'file' }>;

export type InputOrigin = Extract<Origin, { kind: 'input' }>;

/** An input that lies on this machine, as a file that was handed over and stays where it is. */
export function localInput(origin: InputOrigin, path: string): LocalOrigin {
  const { bytes, file } = origin;
  if (file === undefined || bytes === null) throw new Error('it is not on this machine');
  return { kind: 'file', path, bytes, ...file, keep: true };
}

/** The bytes that an earlier attempt has fetched, or `undefined` if they are no longer on the disk, or on that of another host. */
export async function openFetched(
  recording: Recording,
  fact: Facts['fetch'],
  here: { readonly host: string | undefined; readonly spool: Pick<Spool, 'pathOf'> },
): Promise<OfferedBytes | undefined> {
  const { origin, isReopened } = recording;
  if (!isSpooled(recording, fact) && (origin.kind === 'file' || origin.kind === 'input')) {
    if (liesElsewhere(recording, here.host)) return undefined;
    const opened = openLocal(origin.kind === 'file' ? origin : localInput(origin, fact.path), fact);
    // It may have gone when the recording was home.
    return isReopened ? await opened.catch(() => undefined) : await opened;
  }
  if (here.host !== undefined && fact.path !== here.spool.pathOf(recording.id)) return undefined;
  if ((await lengthOf(fact.path)) !== fact.bytes) return undefined;
  return offeredBytes(await open(fact.path, 'r'), fact, fact.bytes);
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
): Promise<OfferedBytes> {
  const handle = await openUnchanged(origin);
  return offeredBytes(handle, { ...what, bytes: origin.bytes, path: origin.path }, origin.bytes, async () => {
    await checkUnchanged(handle, origin);
  });
}
