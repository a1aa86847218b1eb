import { createHash } from 'node:crypto';
import { KnownError } from '../domain/errors.ts';
import { ARCHIVED_CONTENT, ARCHIVED_RECORDING, archiveName } from '../domain/names.ts';
import type { TaskShape } from '../domain/recipe.ts';
import type { Checkpoints, Facts, Recording } from '../domain/recording.ts';
import type { Bytes } from '../engine/bytes.ts';
import type { Task, TaskContext, WithdrawContext } from '../engine/task.ts';
import { inParallel } from '../lib/all-or-none.ts';
import { crashPoint } from '../lib/crash-point.ts';
import type { B2, StoredFile, StoredPart, UnfinishedFile } from '../outside/b2/client.ts';
import { deleteIfAllowed } from './support/archive-doubles.ts';
import { MAX_PARTS, partBytesFor } from './support/archive-parts.ts';
import type { CompanionVideos } from './support/companion-videos.ts';
import { retryInPlace, type TransferRetry } from './support/retry-in-place.ts';
import type { Tools } from './support/tools.ts';

export const shape = {
  name: 'archive',
  label: 'Archive',
  lane: 'upload',
  takes: { file: 'growing' },
  reports: 'bytes',
} as const satisfies TaskShape;

type ArchiveContext = TaskContext<unknown, Checkpoints['archive']>;

/** After so many failures to finish it, a large file is begun anew. */
const MAX_FAILED_FINISHES = 3;

export interface ArchiveOptions {
  readonly b2: B2;
  readonly bucket: string;
  /** The most bytes per part of a large file; unset: what B2 recommends. */
  readonly partBytes: number | undefined;
  /** Parts of one file that are sent at the same time. */
  readonly parallelParts: number;
  readonly retry: TransferRetry;
  /** Names what belongs to a video. */
  readonly companions: Pick<CompanionVideos, 'archiveName'>;
}

export const makeTask = (tools: Tools) =>
  createArchiveTask({ ...tools, ...tools.settings.archive, companions: tools.companionVideos });

/**
 * Uploads the file to Backblaze B2 while it arrives: a small one in one request, any other in parts, since a part that is
 * sent again replaces the first one, and a file that is sent again doubles it.
 *
 * Safe to repeat: that a file will be made is recorded first. Before another is made it is looked for, under its
 * deterministic name and with the recording's id in its file info, also when the ledger knows of none (then its content
 * has to be the same too); a large file goes on with
 * the parts that B2 does not have yet. What was sent of other bytes than today's is thrown away first. What takes effect
 * only after it was looked for is expected from before it is asked for, and taken back (`archive-doubles.ts`).
 */
export function createArchiveTask(
  options: ArchiveOptions,
): Task<unknown, Facts['archive'], Checkpoints['archive']> {
  const { b2, bucket, partBytes, parallelParts, retry, companions } = options;
  return {
    ...shape,
    isHome: true,
    serviceFor: () => 'b2',
    async run(context) {
      const { recording, signal } = context;
      // Asked while the first bytes are on their way.
      const limits = await b2.partLimits({ signal });
      const source = await context.take('file');
      const isUsable = context.checkpoint === undefined || isOf(context.checkpoint, source);
      if (!isUsable) await withdraw({ ...context, fact: undefined });
      const known = isUsable ? context.checkpoint : undefined;
      const checkpoint: Checkpoints['archive'] = known ?? {
        fileName: await nameOf(recording, source),
        contentId: source.contentId,
        isRequested: false,
        fileId: null,
        failedFinishes: 0,
        partBytes: partBytesFor({
          totalBytes: source.totalBytes,
          wantedBytes: partBytes ?? limits.recommendedPartBytes,
          minBytes: limits.minPartBytes,
          parallelParts,
        }),
      };
      const { fileName } = checkpoint;

      const found = checkpoint.isRequested
        ? await adopt(context, fileName, source)
        : await adoptUnnoted(context, fileName, source);
      if (found !== undefined) {
        context.progress(source.totalBytes, source.totalBytes, 'found');
        await source.proved();
        return { bucket, fileId: found.fileId, fileName, sha1: found.sha1 ?? null };
      }
      const upload = source.totalBytes <= checkpoint.partBytes ? uploadWhole : uploadInParts;
      return { bucket, fileName, ...(await upload(context, source, checkpoint)) };
    },
    withdraw,
  };

  async function nameOf(recording: Recording, source: Bytes): Promise<string> {
    const { extension } = source;
    if (recording.kind === 'video') return archiveName({ ...recording, extension });
    // It may have to wait for its video, and is to do so on our disk: its address does not last.
    await source.proved();
    return await companions.archiveName(recording, extension);
  }

  /** The large file is cancelled, whether its id was heard of or not; a finished one is deleted. */
  async function withdraw(context: WithdrawContext<unknown, Checkpoints['archive']>): Promise<void> {
    const { checkpoint, signal } = context;
    const fact = context.fact as Facts['archive'] | undefined;
    const fileName = fact?.fileName ?? checkpoint?.fileName;
    if (fileName === undefined) return;
    await context.checkLease();
    // What was given up may still come.
    await context.expectLate(fileName);
    const fileIds = (await findUnfinished(context, fileName)).map((file) => file.fileId);
    if (checkpoint?.fileId) fileIds.push(checkpoint.fileId);
    for (const fileId of new Set(fileIds)) await b2.cancelLargeFile({ fileId, signal });
    for (const file of await findArchived(context, fileName)) await deleteOrLeave(context, file);
  }

  /** What stays because the key may not delete is told. */
  async function deleteOrLeave(
    context: Pick<ArchiveContext, 'signal' | 'log' | 'note'>,
    file: StoredFile,
  ): Promise<void> {
    const { fileId, fileName } = file;
    if (await deleteIfAllowed({ b2, fileId, fileName, signal: context.signal })) return;
    context.log.warn({ event: 'archive.left', fileId, fileName }, 'the key may not delete');
    await context.note('archive.left', { bucket, fileId, fileName });
  }

  function newFile(context: ArchiveContext, source: Bytes, fileName: string) {
    const { recording } = context;
    return {
      fileName,
      contentType: source.mediaType,
      fileInfo: {
        src_last_modified_millis: String(
          recording.origin.kind === 'file' ? recording.origin.modifiedAtMs : recording.acceptedAtMs,
        ),
        [ARCHIVED_RECORDING]: recording.id,
        [ARCHIVED_CONTENT]: contentMark(source),
      },
      signal: context.signal,
    };
  }

  /** The finished file of an earlier request whose answer was lost; of several that came of it one stays. */
  async function adopt(
    context: ArchiveContext,
    fileName: string,
    source: Bytes,
  ): Promise<StoredFile | undefined> {
    const whole = (await findArchived(context, fileName)).filter(({ bytes }) => bytes === source.totalBytes);
    const [kept, ...doubles] = whole;
    for (const double of doubles) {
      const { fileId } = double;
      await context.checkLease();
      await deleteOrLeave(context, double);
      await context.note('late.removed', { service: 'b2', what: 'file', fileId, fileName });
    }
    return kept;
  }

  /**
   * The finished file of a ledger that was lost: of this recording, and of the bytes that are to be archived. A key that
   * may not look is no reason to go no further.
   */
  async function adoptUnnoted(
    context: ArchiveContext,
    fileName: string,
    source: Bytes,
  ): Promise<StoredFile | undefined> {
    const files = await findArchived(context, fileName).catch((error) => {
      if (error instanceof KnownError && error.code === 'REMOTE_UNAUTHORIZED') return [];
      throw error;
    });
    return files.find(
      ({ bytes, fileInfo }) =>
        bytes === source.totalBytes && fileInfo[ARCHIVED_CONTENT] === contentMark(source),
    );
  }

  /** The finished files of this recording, newest first. */
  async function findArchived(
    { recording, signal }: Pick<ArchiveContext, 'recording' | 'signal'>,
    fileName: string,
  ): Promise<StoredFile[]> {
    const versions = await b2.listVersions({ fileName, signal });
    return versions.filter((file) => file.fileInfo[ARCHIVED_RECORDING] === recording.id);
  }

  async function findUnfinished(
    { recording, signal }: Pick<ArchiveContext, 'recording' | 'signal'>,
    fileName: string,
  ): Promise<UnfinishedFile[]> {
    const unfinished = await b2.listUnfinished({ namePrefix: fileName, signal });
    return unfinished.filter((file) => file.fileInfo[ARCHIVED_RECORDING] === recording.id);
  }

  async function uploadWhole(context: ArchiveContext, source: Bytes, checkpoint: Checkpoint) {
    const { signal } = context;
    const { fileName } = checkpoint;
    context.progress(0, source.totalBytes, 'found');
    await context.saveCheckpoint({ ...checkpoint, isRequested: true });
    const uploaded = await retryInPlace(retry, signal, async (attempt) => {
      // Of a request that broke nobody knows whether it was carried out.
      const found = attempt > 1 ? await adopt(context, fileName, source) : undefined;
      if (found !== undefined) return { fileId: found.fileId, sha1: found.sha1 ?? null };

      await context.checkLease();
      await context.expectLate(fileName);
      const { fileId, sha1 } = await b2.uploadFile({
        ...newFile(context, source, fileName),
        bytes: source.totalBytes,
        chunks: source.read(0, source.totalBytes),
        onSent: (sentBytes) => context.progress(sentBytes, source.totalBytes),
      });
      crashPoint('archive:after-upload');
      return { fileId, sha1 };
    });
    await context.cameInTime(fileName);
    return uploaded;
  }

  async function uploadInParts(context: ArchiveContext, source: Bytes, checkpoint: Checkpoint) {
    const { signal } = context;
    const { totalBytes } = source;
    const { fileId, stored, isFinished } = await resumeOrStart(context, source, checkpoint);
    if (isFinished) {
      await source.proved();
      return { fileId, sha1: null };
    }
    const count = Math.ceil(totalBytes / checkpoint.partBytes);
    const sentBytes: number[] = Array(count).fill(0);
    const partSha1s: string[] = [];
    const found = [...stored.values()].map(({ bytes }) => bytes);
    context.progress(Math.min(sum(found), totalBytes), totalBytes, 'found');
    for (const [partNumber, { bytes }] of stored) sentBytes[partNumber - 1] = bytes;

    await inParallel({ limit: parallelParts, count, signal }, async (index, either) => {
      const start = index * checkpoint.partBytes;
      const part: Part = {
        fileId,
        partNumber: index + 1,
        start,
        end: Math.min(start + checkpoint.partBytes, totalBytes),
      };
      const report = (doneBytes: number) => {
        sentBytes[index] = doneBytes;
        context.progress(sum(sentBytes), totalBytes);
      };
      // An upload URL is not to lie idle until the download has come so far.
      await source.reaches(start);
      const known = stored.get(part.partNumber);
      const isThere =
        known?.bytes === part.end - start && known.sha1 === (await sha1Of(source, part, either));
      if (isThere) {
        partSha1s[index] = known.sha1;
        return;
      }
      partSha1s[index] = await uploadPart({ ...context, signal: either }, source, part, report);
      report(part.end - start);
    });

    await source.proved();
    await context.checkLease();
    await finish(context, checkpoint, fileId, partSha1s, totalBytes);
    return { fileId, sha1: null };
  }

  /** The large file of an earlier attempt with the parts that it has, found by its id or by its name, or a new one. */
  async function resumeOrStart(
    context: ArchiveContext,
    source: Bytes,
    checkpoint: Checkpoint,
  ): Promise<{ fileId: string; stored: ReadonlyMap<number, StoredPart>; isFinished: boolean }> {
    const { signal } = context;
    const { fileName } = checkpoint;
    const fileIds = checkpoint.fileId === null ? [] : [checkpoint.fileId];
    if (checkpoint.isRequested && checkpoint.fileId === null) {
      fileIds.push(...(await findUnfinished(context, fileName)).map((file) => file.fileId));
    }
    for (const fileId of fileIds) {
      const stored = await b2.listParts({ fileId, signal });
      // A finish that was given up may have been carried out since it was looked for.
      const file = stored === undefined ? await b2.fileInfo({ fileId, signal }) : undefined;
      const isFinished = file?.isFinished === true && file.bytes === source.totalBytes;
      if (stored === undefined && !isFinished) continue;
      await context.saveCheckpoint({ ...checkpoint, isRequested: true, fileId });
      return { fileId, stored: stored ?? new Map(), isFinished };
    }

    await context.saveCheckpoint({ ...checkpoint, isRequested: true, fileId: null });
    await context.checkLease();
    await context.expectLate(fileName);
    const { fileId } = await b2.startLargeFile(newFile(context, source, fileName));
    crashPoint('archive:after-start');
    await context.saveCheckpoint({ ...checkpoint, isRequested: true, fileId });
    await context.cameInTime(fileName);
    return { fileId, stored: new Map(), isFinished: false };
  }

  async function uploadPart(
    context: ArchiveContext,
    source: Bytes,
    { fileId, partNumber, start, end }: Part,
    report: (doneBytes: number) => void,
  ): Promise<string> {
    const { signal } = context;
    const { sha1 } = await retryInPlace(retry, signal, async () => {
      await context.checkLease();
      const chunks = source.read(start, end);
      return await b2.uploadPart({ fileId, partNumber, bytes: end - start, chunks, onSent: report, signal });
    });
    crashPoint('archive:after-part');
    return sha1;
  }

  /** A finish whose answer was lost is refused when it is repeated: then the file itself says whether it is finished. */
  async function finish(
    context: ArchiveContext,
    checkpoint: Checkpoint,
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
      const isHopeless = failedFinishes >= MAX_FAILED_FINISHES;
      if (isHopeless) {
        await context.expectLate(checkpoint.fileName);
        await b2.cancelLargeFile({ fileId, signal });
      }
      await context.saveCheckpoint(
        isHopeless
          ? { ...checkpoint, isRequested: false, fileId: null, failedFinishes: 0 }
          : { ...checkpoint, isRequested: true, fileId, failedFinishes },
      );
      if (!isHopeless || !(error instanceof KnownError)) throw error;
      throw new KnownError(`${error.message}; the next attempt begins a new file`, {
        code: 'TRANSFER_CORRUPT',
        retry: 'backoff',
        cause: error,
      });
    }
  }
}

type Checkpoint = Checkpoints['archive'];

/** One part of a large file: the bytes from `start` to before `end`. */
interface Part {
  readonly fileId: string;
  readonly partNumber: number;
  readonly start: number;
  readonly end: number;
}

/** What stands for the bytes in a file's info: the same whenever they are read, under any ledger. */
function contentMark({ contentId }: Bytes): string {
  return createHash('sha256').update(contentId).digest('hex').slice(0, 32);
}

/** Whether what was sent so far is of these bytes, and can become a file. */
function isOf({ contentId, partBytes }: Checkpoint, source: Bytes): boolean {
  return contentId === source.contentId && source.totalBytes <= partBytes * MAX_PARTS;
}

/** SHA-1 of a part's bytes, in hex. */
async function sha1Of(source: Bytes, { start, end }: Part, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha1');
  for await (const chunk of source.read(start, end)) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest('hex');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
