import { createHash } from 'node:crypto';
import { z } from 'zod';
import { DEFAULT_STORE, whereIn } from '../domain/archived.ts';
import { type Checkpoints, checkpointSchemas } from '../domain/checkpoints.ts';
import { KnownError } from '../domain/errors.ts';
import { archiveName } from '../domain/names.ts';
import type { TaskShape } from '../domain/recipe.ts';
import type { Facts, Recording } from '../domain/recording.ts';
import type { Bytes } from '../engine/bytes.ts';
import { held } from '../engine/held.ts';
import type { FileRef, Store, StoredFile, StoredPart, UnfinishedFile } from '../engine/ports/store.ts';
import type { Task, TaskContext, WithdrawContext } from '../engine/task.ts';
import { inParallel } from '../lib/all-or-none.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { sha256 } from '../lib/digest.ts';
import { MAX_PARTS, partBytesFor } from './support/archive-parts.ts';
import type { CompanionVideos } from './support/companion-videos.ts';
import { retryInPlace, type TransferRetry } from './support/retry-in-place.ts';
import type { Tools } from './support/tools.ts';

const paramsShape = z.strictObject({
  /** The store, by its name. */
  store: z.string().default(DEFAULT_STORE),
});

export const shape = {
  name: 'archive',
  label: 'Archive',
  lane: 'upload',
  params: paramsShape,
  places: { store: 'store' },
  takes: { file: 'growing' },
  reports: 'bytes',
  secures: true,
} as const satisfies TaskShape;

type Params = z.infer<typeof paramsShape>;

type ArchiveContext = TaskContext<Params, Checkpoints['archive']>;
type ArchiveWithdraw = WithdrawContext<Params, Checkpoints['archive']>;

/** After so many failures to finish it, a large file is begun anew. */
const MAX_FAILED_FINISHES = 3;

export interface ArchiveOptions {
  /** Those that are set up, by their names. */
  readonly stores: ReadonlyMap<string, Store>;
  /** Parts of one file that are sent at the same time. */
  readonly parallelParts: number;
  readonly retry: TransferRetry;
  /** Names what belongs to a video. */
  readonly companions: Pick<CompanionVideos, 'archiveName'>;
}

export const makeTask = (tools: Tools) =>
  createArchiveTask({ ...tools, ...tools.settings.archive, companions: tools.companionVideos });

/**
 * Brings the file to a store while it arrives: a small one in one request, any other in parts, since a part that is
 * sent again replaces the first one, and a file that is sent again doubles it.
 *
 * Safe to repeat: that a file will be made is recorded first. Before another is made it is looked for, under its
 * deterministic name and with the recording's mark, also when the ledger knows of none (then its content has to be the
 * same too); a file in parts goes on with those that the store does not have yet. What was sent of other bytes than today's is thrown away first. What takes effect
 * only after it was looked for is expected from before it is asked for, and taken back (`archive-doubles.ts`).
 */
export function createArchiveTask(
  options: ArchiveOptions,
): Task<Params, Facts['archive'], Checkpoints['archive']> {
  const { stores, parallelParts, retry, companions } = options;
  return {
    ...shape,
    checkpoint: checkpointSchemas.archive,
    isHome: true,
    claims: ({ checkpoint, fact }) => [checkpoint?.fileId, fact?.fileId],
    serviceFor: ({ params }) => storeName(params),
    async run(context) {
      const { recording, signal } = context;
      const store = storeOf(context);
      // Asked while the first bytes are on their way.
      const limits = await store.limits({ signal });
      const source = await context.take('file');
      const isUsable = context.checkpoint === undefined || isOf(context.checkpoint, source);
      if (!isUsable) await withdraw({ ...context, fact: undefined });
      const known = isUsable ? context.checkpoint : undefined;
      const checkpoint: Checkpoints['archive'] = known ?? {
        ...(store.name === DEFAULT_STORE ? {} : { store: store.name }),
        fileName: await nameOf(recording, source),
        contentId: source.contentId,
        isRequested: false,
        fileId: null,
        failedFinishes: 0,
        partBytes: partBytesFor({
          totalBytes: source.totalBytes,
          wantedBytes: limits.partBytes,
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
        return { ...whereIn(store), fileId: found.id, fileName, sha1: found.sha1 ?? null };
      }
      const upload = source.totalBytes <= checkpoint.partBytes ? uploadWhole : uploadInParts;
      return { ...whereIn(store), fileName, ...(await upload(context, source, checkpoint)) };
    },
    withdraw,
  };

  /** @throws KnownError `STORE_MISSING`: it waits until somebody has set the store up again. */
  function storeOf({ params }: Pick<ArchiveContext, 'params'>): Store {
    const name = storeName(params);
    const store = stores.get(name);
    if (store !== undefined) return store;
    throw held(`The store "${name}" is not set up`, 'STORE_MISSING');
  }

  async function nameOf(recording: Recording, source: Bytes): Promise<string> {
    const { extension } = source;
    if (recording.kind === 'video') return archiveName({ ...recording, extension });
    // It may have to wait for its video, and is to do so on our disk: its address does not last.
    await source.proved();
    return await companions.archiveName(recording, extension);
  }

  /** The large file is cancelled, whether its id was heard of or not; a finished one is deleted. */
  async function withdraw(context: ArchiveWithdraw): Promise<void> {
    const { checkpoint, signal } = context;
    const fact = context.fact as Facts['archive'] | undefined;
    const fileName = fact?.fileName ?? checkpoint?.fileName;
    if (fileName === undefined) return;
    const store = storeOf(context);
    await context.checkLease();
    // What was given up may still come.
    await context.expectLate(fileName);
    const ids = (await findUnfinished(context, fileName)).map(({ id }) => id);
    if (checkpoint?.fileId) ids.push(checkpoint.fileId);
    for (const id of new Set(ids)) await store.abandon({ file: { id, name: fileName }, signal });
    for (const file of await findArchived(context, fileName)) await removeOrLeave(context, file);
  }

  /** What stays because it may not be removed is told. */
  async function removeOrLeave(
    context: Pick<ArchiveContext, 'params' | 'signal' | 'log' | 'note'>,
    file: StoredFile,
  ): Promise<void> {
    const store = storeOf(context);
    if ((await store.remove({ file, signal: context.signal })) === 'removed') return;
    const left = { ...whereIn(store), fileId: file.id, fileName: file.name };
    context.log.warn({ event: 'archive.left', ...left }, 'it may not be removed');
    await context.note('archive.left', left);
  }

  function newFile(context: ArchiveContext, source: Bytes, fileName: string) {
    const { recording } = context;
    return {
      name: fileName,
      mediaType: source.mediaType,
      mark: { recordingId: recording.id, content: contentMark(source) },
      totalBytes: source.totalBytes,
      modifiedAtMs: recording.origin.kind === 'file' ? recording.origin.modifiedAtMs : recording.acceptedAtMs,
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
      await context.checkLease();
      await removeOrLeave(context, double);
      const { name: service } = storeOf(context);
      await context.note('late.removed', { service, what: 'file', fileId: double.id, fileName });
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
      ({ bytes, mark }) => bytes === source.totalBytes && mark?.content === contentMark(source),
    );
  }

  /** The finished files of this recording, newest first. */
  async function findArchived(
    context: Pick<ArchiveContext, 'recording' | 'params' | 'signal'>,
    fileName: string,
  ): Promise<StoredFile[]> {
    const { recording, signal } = context;
    const found = await storeOf(context).find({ name: fileName, signal });
    return found.filter(({ mark }) => mark?.recordingId === recording.id);
  }

  async function findUnfinished(
    context: Pick<ArchiveContext, 'recording' | 'params' | 'signal'>,
    fileName: string,
  ): Promise<UnfinishedFile[]> {
    const { recording, signal } = context;
    const unfinished = await storeOf(context).unfinished({ prefix: fileName, signal });
    return unfinished.filter(({ mark }) => mark?.recordingId === recording.id);
  }

  async function uploadWhole(context: ArchiveContext, source: Bytes, checkpoint: Checkpoint) {
    const { signal } = context;
    const { fileName } = checkpoint;
    context.progress(0, source.totalBytes, 'found');
    await context.saveCheckpoint({ ...checkpoint, isRequested: true });
    const uploaded = await retryInPlace(retry, signal, async (attempt) => {
      // Of a request that broke nobody knows whether it was carried out.
      const found = attempt > 1 ? await adopt(context, fileName, source) : undefined;
      if (found !== undefined) return { fileId: found.id, sha1: found.sha1 ?? null };

      await context.checkLease();
      await context.expectLate(fileName);
      const { id, sha1 } = await storeOf(context).put({
        ...newFile(context, source, fileName),
        bytes: source.totalBytes,
        chunks: source.read(0, source.totalBytes),
        onSent: (sentBytes) => context.progress(sentBytes, source.totalBytes),
      });
      crashPoint('archive:after-upload');
      return { fileId: id, sha1: sha1 ?? null };
    });
    await context.cameInTime(fileName);
    return uploaded;
  }

  async function uploadInParts(context: ArchiveContext, source: Bytes, checkpoint: Checkpoint) {
    const { signal } = context;
    const { totalBytes } = source;
    const { partDigest } = storeOf(context);
    const { fileId, stored, isFinished } = await resumeOrStart(context, source, checkpoint);
    if (isFinished) {
      await source.proved();
      return { fileId, sha1: null };
    }
    const count = Math.ceil(totalBytes / checkpoint.partBytes);
    const sentBytes: number[] = Array(count).fill(0);
    const parts: StoredPart[] = [];
    const found = [...stored.values()].map(({ bytes }) => bytes);
    context.progress(Math.min(sum(found), totalBytes), totalBytes, 'found');
    for (const [partNumber, { bytes }] of stored) sentBytes[partNumber - 1] = bytes;

    await inParallel({ limit: parallelParts, count, signal }, async (index, either) => {
      const start = index * checkpoint.partBytes;
      const end = Math.min(start + checkpoint.partBytes, totalBytes);
      const part: Part = { file: { id: fileId, name: checkpoint.fileName }, number: index + 1, start, end };
      const report = (doneBytes: number) => {
        sentBytes[index] = doneBytes;
        context.progress(sum(sentBytes), totalBytes);
      };
      // An upload URL is not to lie idle until the download has come so far.
      await source.reaches(start);
      const known = stored.get(part.number);
      const isThere =
        known?.bytes === end - start &&
        known.digest === (await digestOf(source, part, { algorithm: partDigest, signal: either }));
      if (isThere) {
        parts[index] = known;
        return;
      }
      const digest = await sendPart({ ...context, signal: either }, source, part, report);
      parts[index] = { bytes: end - start, digest };
      report(end - start);
    });

    await source.proved();
    await context.checkLease();
    await finish(context, checkpoint, fileId, parts, totalBytes);
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
    const store = storeOf(context);
    const fileIds = checkpoint.fileId === null ? [] : [checkpoint.fileId];
    if (checkpoint.isRequested && checkpoint.fileId === null) {
      fileIds.push(...(await findUnfinished(context, fileName)).map(({ id }) => id));
    }
    for (const fileId of fileIds) {
      const ref = { id: fileId, name: fileName };
      const stored = await store.parts({ file: ref, signal });
      // A finish that was given up may have been carried out since it was looked for.
      const file = stored === undefined ? await store.look({ file: ref, signal }) : undefined;
      const isFinished = file?.isFinished === true && file.bytes === source.totalBytes;
      if (stored === undefined && !isFinished) continue;
      await context.saveCheckpoint({ ...checkpoint, isRequested: true, fileId });
      return { fileId, stored: stored ?? new Map(), isFinished };
    }

    await context.saveCheckpoint({ ...checkpoint, isRequested: true, fileId: null });
    await context.checkLease();
    await context.expectLate(fileName);
    const { id: fileId } = await store.begin(newFile(context, source, fileName));
    crashPoint('archive:after-start');
    await context.saveCheckpoint({ ...checkpoint, isRequested: true, fileId });
    await context.cameInTime(fileName);
    return { fileId, stored: new Map(), isFinished: false };
  }

  async function sendPart(
    context: ArchiveContext,
    source: Bytes,
    { file, number, start, end }: Part,
    report: (doneBytes: number) => void,
  ): Promise<string> {
    const { signal } = context;
    const store = storeOf(context);
    const { digest } = await retryInPlace(retry, signal, async () => {
      await context.checkLease();
      const chunks = source.read(start, end);
      const bytes = end - start;
      return await store.putPart({ file, number, startByte: start, bytes, chunks, onSent: report, signal });
    });
    crashPoint('archive:after-part');
    return digest;
  }

  /** A finish whose answer was lost is refused when it is repeated: then the file itself says whether it is finished. */
  async function finish(
    context: ArchiveContext,
    checkpoint: Checkpoint,
    fileId: string,
    parts: readonly StoredPart[],
    bytes: number,
  ): Promise<void> {
    const { signal } = context;
    const store = storeOf(context);
    const ref = { id: fileId, name: checkpoint.fileName };
    try {
      await store.finish({ file: ref, parts, signal });
      crashPoint('archive:after-finish');
    } catch (error) {
      signal.throwIfAborted();
      const file = await store.look({ file: ref, signal });
      if (file?.isFinished && file.bytes === bytes) return;

      const failedFinishes = checkpoint.failedFinishes + 1;
      const isHopeless = failedFinishes >= MAX_FAILED_FINISHES;
      if (isHopeless) {
        await context.expectLate(checkpoint.fileName);
        await store.abandon({ file: ref, signal });
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

/** One part of a file: the bytes from `start` to before `end`. */
interface Part {
  readonly file: FileRef;
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

/** The store of a step; of one that was planned before steps had any, the one of then. */
function storeName(params: Partial<Params>): string {
  return params.store ?? DEFAULT_STORE;
}

/** What stands for the bytes in a file's mark: the same whenever they are read, under any ledger. */
function contentMark({ contentId }: Bytes): string {
  return sha256(contentId).slice(0, 32);
}

/** Whether what was sent so far is of these bytes, and can become a file. */
function isOf({ contentId, partBytes }: Checkpoint, source: Bytes): boolean {
  return contentId === source.contentId && source.totalBytes <= partBytes * MAX_PARTS;
}

/** The digest of a part's bytes, in hex. */
async function digestOf(
  source: Bytes,
  { start, end }: Part,
  { algorithm, signal }: { algorithm: Store['partDigest']; signal: AbortSignal },
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of source.read(start, end)) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest('hex');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
