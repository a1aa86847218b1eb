import { KnownError } from '../../domain/errors.ts';
import { ARCHIVED_RECORDING } from '../../domain/names.ts';
import type { B2, StoredFile } from '../../outside/b2/client.ts';
import type { LateFinding, LateLooker } from './late-looker.ts';

/**
 * Looks in the archive, under the name that a recording's file has, for what was uploaded or begun there and given up:
 * whatever names the recording in its file info and is not the file that the ledger names.
 */
export function createArchiveLooker(options: {
  readonly b2: Pick<B2, 'listVersions' | 'listUnfinished' | 'cancelLargeFile' | 'deleteFile'>;
  readonly bucket: string;
}): LateLooker {
  const { b2, bucket } = options;
  return {
    service: 'b2',
    async look({ recordingId, place: fileName, claim, signal }) {
      const isOurs = (file: Pick<StoredFile, 'fileName' | 'fileInfo'>) =>
        file.fileName === fileName && file.fileInfo[ARCHIVED_RECORDING] === recordingId;
      const unfinished = (await b2.listUnfinished({ namePrefix: fileName, signal })).filter(isOurs);
      const versions = (await b2.listVersions({ fileName, signal })).filter(isOurs);

      const findings: LateFinding[] = [];
      for (const { fileId } of unfinished) {
        const now = await claim();
        if (now === undefined || now.facts.archive?.fileId === fileId) continue;
        await b2.cancelLargeFile({ fileId, signal });
        findings.push({
          type: 'late.removed',
          data: { service: 'b2', what: 'unfinished', fileId, fileName },
        });
      }
      for (const { fileId } of versions) {
        const now = await claim();
        const kept = now?.facts.archive?.fileId;
        // Where the one to keep is not to be seen, the other may be all there is.
        const isDouble = kept === undefined || versions.some((version) => version.fileId === kept);
        if (now === undefined || fileId === kept || !isDouble) continue;
        findings.push(
          (await deleteIfAllowed({ b2, fileId, fileName, signal }))
            ? { type: 'late.removed', data: { service: 'b2', what: 'file', fileId, fileName } }
            : { type: 'archive.left', data: { bucket, fileId, fileName } },
        );
      }
      return findings;
    },
  };
}

/** Removes a finished file; false where the key may not: keys of installations that only ever add to their bucket. */
export async function deleteIfAllowed(input: {
  readonly b2: Pick<B2, 'deleteFile'>;
  readonly fileId: string;
  readonly fileName: string;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const { b2, fileId, fileName, signal } = input;
  try {
    await b2.deleteFile({ fileId, fileName, signal });
    return true;
  } catch (error) {
    if (error instanceof KnownError && error.code === 'REMOTE_UNAUTHORIZED') return false;
    throw error;
  }
}
