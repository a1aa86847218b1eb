import type { B2, StoredFile, StoredPart } from '../clients/b2.ts';
import { KnownError } from '../domain/errors.ts';
import { ARCHIVED_RECORDING, archiveName } from '../domain/names.ts';
import type { Checkpoints, Facts } from '../domain/recording.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { readRange, sha1OfRange } from '../lib/files.ts';
import { reporting } from '../lib/streams.ts';
import { retryInPlace, type TransferRetry } from './retry-in-place.ts';
import { requireFact, type Task, type TaskContext } from './task.ts';

/** After so many failures to finish it, a large file is begun anew. */
const MAX_FAILED_FINISHES = 3;

export interface ArchiveOptions {
  readonly b2: B2;
  readonly bucket: string;
  /** Bytes per part of a large file; unset: what B2 recommends. */
  readonly partBytes: number | undefined;
  readonly retry: TransferRetry;
}

/**
 * Uploads the file to Backblaze B2: in one request up to the size of a part, as a large file above it.
 *
 * Safe to repeat: that a file will be made is recorded first. A later attempt then looks for it, under its
 * deterministic name and with the recording's id in its file info, before it makes another; a large file goes on with
 * the parts that B2 does not have yet.
 */
export function createArchiveTask({ b2, bucket, partBytes, retry }: ArchiveOptions): Task<'archive'> {
  return {
    stage: 'archive',
    serviceFor: () => 'b2',
    async run(context) {
      const { recording, signal } = context;
      const source = requireFact(context.facts, 'fetch');
      const fileName = archiveName({ ...recording, extension: source.extension });
      const limits = await b2.partLimits({ signal });
      const checkpoint: Checkpoints['archive'] = context.checkpoint ?? {
        fileName,
        isRequested: false,
        fileId: null,
        failedFinishes: 0,
        partBytes: Math.max(partBytes ?? limits.recommendedPartBytes, limits.minPartBytes),
      };

      const found = checkpoint.isRequested
        ? await findArchived(context, checkpoint.fileName, source)
        : undefined;
      const upload = source.bytes <= checkpoint.partBytes ? uploadWhole : uploadInParts;
      const fileId = found?.fileId ?? (await upload(context, source, checkpoint));
      return { bucket, fileId, fileName: checkpoint.fileName };
    },
  };

  function newFile(context: TaskContext<'archive'>, source: Facts['fetch'], fileName: string) {
    const { recording } = context;
    return {
      fileName,
      contentType: source.mediaType,
      fileInfo: {
        src_last_modified_millis: String(
          recording.origin.kind === 'file' ? recording.origin.modifiedAtMs : recording.acceptedAtMs,
        ),
        large_file_sha1: source.sha1,
        [ARCHIVED_RECORDING]: recording.id,
      },
      signal: context.signal,
    };
  }

  /** The finished file of an earlier attempt whose answer was lost. */
  async function findArchived(
    { recording, signal }: TaskContext<'archive'>,
    fileName: string,
    source: Facts['fetch'],
  ): Promise<StoredFile | undefined> {
    const found = await b2.findFile({ fileName, signal });
    const isOurs = found?.fileInfo[ARCHIVED_RECORDING] === recording.id && found.isFinished;
    return isOurs && found.bytes === source.bytes ? found : undefined;
  }

  async function uploadWhole(
    context: TaskContext<'archive'>,
    source: Facts['fetch'],
    checkpoint: Checkpoints['archive'],
  ): Promise<string> {
    const { signal } = context;
    await context.saveCheckpoint({ ...checkpoint, isRequested: true });
    return await retryInPlace(retry, signal, async (attempt) => {
      // Of a request that broke nobody knows whether it was carried out.
      const found = attempt > 1 ? await findArchived(context, checkpoint.fileName, source) : undefined;
      if (found !== undefined) return found.fileId;

      await context.checkLease();
      const { fileId, sha1 } = await b2.uploadFile({
        ...newFile(context, source, checkpoint.fileName),
        bytes: source.bytes,
        chunks: reporting(readRange(source.path, 0, source.bytes), 0, report(context, source)),
      });
      crashPoint('archive:after-upload');
      checkDigest(sha1, source.sha1);
      return fileId;
    });
  }

  async function uploadInParts(
    context: TaskContext<'archive'>,
    source: Facts['fetch'],
    checkpoint: Checkpoints['archive'],
  ): Promise<string> {
    const { signal } = context;
    const { fileId, stored } = await resumeOrStart(context, source, checkpoint);
    const partCount = Math.ceil(source.bytes / checkpoint.partBytes);
    const partSha1s: string[] = [];

    for (let partNumber = 1; partNumber <= partCount; partNumber += 1) {
      const start = (partNumber - 1) * checkpoint.partBytes;
      const end = Math.min(start + checkpoint.partBytes, source.bytes);
      const known = stored.get(partNumber);
      const isThere =
        known?.bytes === end - start && known.sha1 === (await sha1OfRange(source.path, start, end, signal));
      partSha1s.push(
        isThere ? known.sha1 : await uploadPart(context, source, fileId, partNumber, start, end),
      );
      context.progress(end, source.bytes);
    }

    await context.checkLease();
    await finish(context, checkpoint, fileId, partSha1s, source.bytes);
    return fileId;
  }

  /** The large file of an earlier attempt with the parts that it has, found by its id or by its name, or a new one. */
  async function resumeOrStart(
    context: TaskContext<'archive'>,
    source: Facts['fetch'],
    checkpoint: Checkpoints['archive'],
  ): Promise<{ fileId: string; stored: ReadonlyMap<number, StoredPart> }> {
    const { recording, signal } = context;
    const fileIds = checkpoint.fileId === null ? [] : [checkpoint.fileId];
    if (checkpoint.isRequested && checkpoint.fileId === null) {
      const unfinished = await b2.listUnfinished({ namePrefix: checkpoint.fileName, signal });
      fileIds.push(
        ...unfinished
          .filter((file) => file.fileInfo[ARCHIVED_RECORDING] === recording.id)
          .map((file) => file.fileId),
      );
    }
    for (const fileId of fileIds) {
      const stored = await b2.listParts({ fileId, signal });
      if (stored === undefined) continue;
      await context.saveCheckpoint({ ...checkpoint, isRequested: true, fileId });
      return { fileId, stored };
    }

    await context.saveCheckpoint({ ...checkpoint, isRequested: true, fileId: null });
    await context.checkLease();
    const { fileId } = await b2.startLargeFile(newFile(context, source, checkpoint.fileName));
    crashPoint('archive:after-start');
    await context.saveCheckpoint({ ...checkpoint, isRequested: true, fileId });
    return { fileId, stored: new Map() };
  }

  async function uploadPart(
    context: TaskContext<'archive'>,
    source: Facts['fetch'],
    fileId: string,
    partNumber: number,
    start: number,
    end: number,
  ): Promise<string> {
    const { sha1 } = await retryInPlace(retry, context.signal, async () => {
      await context.checkLease();
      return await b2.uploadPart({
        fileId,
        partNumber,
        bytes: end - start,
        chunks: reporting(readRange(source.path, start, end), start, report(context, source)),
        signal: context.signal,
      });
    });
    crashPoint('archive:after-part');
    return sha1;
  }

  /** A finish whose answer was lost is refused when it is repeated: then the file itself says whether it is finished. */
  async function finish(
    context: TaskContext<'archive'>,
    checkpoint: Checkpoints['archive'],
    fileId: string,
    partSha1s: readonly string[],
    bytes: number,
  ): Promise<void> {
    const { signal } = context;
    try {
      await b2.finishLargeFile({ fileId, partSha1s, signal });
      crashPoint('archive:after-finish');
    } catch (error) {
      signal.throwIfAborted();
      const file = await b2.fileInfo({ fileId, signal });
      if (file?.isFinished && file.bytes === bytes) return;

      const failedFinishes = checkpoint.failedFinishes + 1;
      const isHopeless = failedFinishes >= MAX_FAILED_FINISHES || isRefused(error);
      if (isHopeless) await b2.cancelLargeFile({ fileId, signal });
      await context.saveCheckpoint(
        isHopeless
          ? { ...checkpoint, isRequested: false, fileId: null, failedFinishes: 0 }
          : { ...checkpoint, isRequested: true, fileId, failedFinishes },
      );
      if (!isRefused(error)) throw error;
      throw new KnownError(`${error.message}; the next attempt begins a new file`, {
        code: 'TRANSFER_CORRUPT',
        retry: 'backoff',
        cause: error,
      });
    }
  }
}

/** Whether B2 has said no, rather than that it cannot now. */
function isRefused(error: unknown): error is KnownError {
  return error instanceof KnownError && error.code === 'REMOTE_REJECTED';
}

function report(context: TaskContext<'archive'>, source: Facts['fetch']): (doneBytes: number) => void {
  return (doneBytes) => context.progress(doneBytes, source.bytes);
}

function checkDigest(sent: string, expected: string): void {
  if (sent === expected) return;
  throw new KnownError('The file on disk is no longer the one that was fetched', {
    code: 'SOURCE_CHANGED',
    details: { sent, expected },
  });
}
