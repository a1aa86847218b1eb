import { KnownError } from '../../domain/errors.ts';
import { ARCHIVED_CONTENT, ARCHIVED_RECORDING } from '../../domain/names.ts';
import type { Mark, NewFile, Store, StoredFile } from '../../engine/ports/store.ts';
import type { B2, StoredFile as B2File } from './client.ts';

/** A bucket of Backblaze B2 as a store; marks lie in the file info. It keeps every file of a name that was ever put. */
export function createB2Store(options: {
  readonly b2: B2;
  readonly bucket: string;
  /** The most bytes per part of a large file; unset: what B2 recommends. */
  readonly partBytes?: number | undefined;
}): Store {
  const { b2, bucket, partBytes } = options;

  return {
    name: 'b2',
    label: 'Backblaze B2',
    place: bucket,
    partDigest: 'sha1',

    async limits(call) {
      const { recommendedPartBytes, minPartBytes } = await b2.partLimits(call);
      return { partBytes: partBytes ?? recommendedPartBytes, minPartBytes };
    },

    probe: (call) => b2.probe(call),

    async find({ name, signal }) {
      return (await b2.listVersions({ fileName: name, signal })).map(toStored);
    },

    async look({ file, signal }) {
      const found = await b2.fileInfo({ fileId: file.id, signal });
      return found && toStored(found);
    },

    async put({ signal, bytes, chunks, onSent, ...file }) {
      const body = { bytes, chunks, ...(onSent ? { onSent } : {}) };
      const { fileId, sha1 } = await b2.uploadFile({ ...toNew(file), ...body, signal });
      return { id: fileId, sha1 };
    },

    async begin({ signal, ...file }) {
      const { fileId } = await b2.startLargeFile({ ...toNew(file), signal });
      return { id: fileId };
    },

    async putPart({ file, number, signal, bytes, chunks, onSent }) {
      const body = { bytes, chunks, ...(onSent ? { onSent } : {}) };
      const { sha1 } = await b2.uploadPart({ fileId: file.id, partNumber: number, signal, ...body });
      return { digest: sha1 };
    },

    async parts({ file, signal }) {
      const parts = await b2.listParts({ fileId: file.id, signal });
      return (
        parts && new Map([...parts].map(([number, { bytes, sha1 }]) => [number, { bytes, digest: sha1 }]))
      );
    },

    finish: ({ file, parts, signal }) =>
      b2.finishLargeFile({ fileId: file.id, partSha1s: parts.map(({ digest }) => digest), signal }),

    abandon: ({ file, signal }) => b2.cancelLargeFile({ fileId: file.id, signal }),

    async unfinished({ prefix, signal }) {
      const found = await b2.listUnfinished({ namePrefix: prefix, signal });
      return found.map(({ fileId, fileName, fileInfo, startedAtMs }) => ({
        id: fileId,
        name: fileName,
        mark: markOf(fileInfo),
        startedAtMs,
      }));
    },

    /** Keys of installations that only ever add to their bucket may not. */
    async remove({ file, signal }) {
      try {
        await b2.deleteFile({ fileId: file.id, fileName: file.name, signal });
        return 'removed';
      } catch (error) {
        if (error instanceof KnownError && error.code === 'REMOTE_UNAUTHORIZED') return 'not-allowed';
        throw error;
      }
    },

    open: ({ file, fromByte, signal }) => b2.openFile({ fileId: file.id, fromByte, signal }),
  };
}

function toNew({ name, mediaType, mark, modifiedAtMs }: NewFile) {
  return {
    fileName: name,
    contentType: mediaType,
    fileInfo: {
      src_last_modified_millis: String(modifiedAtMs),
      [ARCHIVED_RECORDING]: mark.recordingId,
      ...(mark.content === undefined ? {} : { [ARCHIVED_CONTENT]: mark.content }),
    },
  };
}

function toStored({ fileId, fileName, bytes, sha1, fileInfo, isFinished }: B2File): StoredFile {
  return { id: fileId, name: fileName, bytes, sha1, mark: markOf(fileInfo), isFinished };
}

function markOf(fileInfo: Readonly<Record<string, string>>): Mark | undefined {
  const recordingId = fileInfo[ARCHIVED_RECORDING];
  return recordingId === undefined ? undefined : { recordingId, content: fileInfo[ARCHIVED_CONTENT] };
}
