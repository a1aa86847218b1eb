import { BUNNY_CLOCK_SKEW_MS, type Bunny, type Video } from '../clients/bunny.ts';
import { KnownError } from '../domain/errors.ts';
import type { Checkpoints, Recording } from '../domain/recording.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { reporting } from '../lib/streams.ts';
import type { Collections } from './collections.ts';
import { retryInPlace, type TransferRetry } from './retry-in-place.ts';
import type { Source } from './source.ts';
import type { Task, TaskContext, WithdrawContext } from './task.ts';

export interface PublishOptions {
  readonly bunny: Bunny;
  readonly collections: Collections;
  readonly libraryId: string;
  readonly patchBytes: number;
  readonly retry: TransferRetry;
  /** Whether a Bunny video is known to belong to another recording. */
  readonly isTaken: (videoId: string, recordingId: string) => Promise<boolean>;
  readonly now?: () => number;
}

/**
 * Creates the video in Bunny Stream and uploads the file into it while it arrives.
 *
 * Safe to repeat: that a video will be created is recorded first, so a later attempt looks for the empty one whose
 * creation was not answered, by title and age, before it creates another. The upload goes on at the offset that Bunny
 * names; an upload that Bunny has forgotten begins again in the same video. A video that has got other bytes than
 * today's is deleted first.
 */
export function createPublishTask(options: PublishOptions): Task<'publish'> {
  const { bunny, collections, libraryId, patchBytes, retry, now = Date.now } = options;

  return {
    stage: 'publish',
    isFor: ({ kind }) => kind === 'video',
    serviceFor: () => 'bunny',
    async run(context) {
      const source = await context.source();
      const isForeign = (context.checkpoint?.contentId ?? source.contentId) !== source.contentId;
      if (isForeign) await withdraw(context);
      const known = isForeign ? undefined : context.checkpoint;
      const checkpoint = await ensureVideo(context, source, known);
      const { videoId } = checkpoint;
      // One that was created just now is empty.
      const isEmpty = checkpoint.isNew || (await isStillEmpty(context, videoId));
      if (isEmpty) await upload(context, source, checkpoint);
      await source.proved();
      context.progress(source.totalBytes, source.totalBytes);
      return { libraryId, videoId };
    },
    withdraw,
  };

  type Checkpoint = Checkpoints['publish'];
  type WithVideo = Checkpoint & { readonly videoId: string };

  async function withdraw(context: WithdrawContext<'publish'>): Promise<void> {
    const { facts, checkpoint, signal } = context;
    let videoId = facts.publish?.videoId ?? checkpoint?.videoId;
    if (!videoId && checkpoint) {
      videoId = (await findLostVideo(context, checkpoint.requestedAtMs))?.videoId;
    }
    if (!videoId) return;
    await context.checkLease();
    await bunny.deleteVideo({ videoId, signal });
  }

  /** A video leaves "empty" only once its whole file has arrived. */
  async function isStillEmpty(context: TaskContext<'publish'>, videoId: string): Promise<boolean> {
    const { checkpoint, signal } = context;
    const video = await bunny.getVideo({ videoId, signal });
    if (video === undefined) {
      // One that was made a moment ago may only not be known yet; an older one has been deleted, unless it is found
      // when it is looked for.
      if (checkpoint?.videoId === videoId) {
        await context.saveCheckpoint({ ...checkpoint, videoId: null, uploadUrl: null });
      }
      throw new KnownError(`Bunny no longer knows the video ${videoId}`, {
        code: 'REMOTE_UNAVAILABLE',
        retry: 'backoff',
      });
    }
    if (video.status === 'failed') {
      throw new KnownError(`Bunny cannot use the video ${videoId}`, { code: 'PUBLISH_FAILED' });
    }
    return video.status === 'empty';
  }

  async function ensureVideo(
    context: TaskContext<'publish'>,
    { contentId }: Source,
    checkpoint: Checkpoint | undefined,
  ): Promise<WithVideo & { readonly isNew: boolean }> {
    const { recording, signal } = context;
    if (checkpoint && checkpoint.videoId !== null) {
      return { ...checkpoint, videoId: checkpoint.videoId, isNew: false };
    }
    const requestedAtMs = checkpoint?.requestedAtMs ?? now();
    const asked = { contentId, requestedAtMs, videoId: null, uploadUrl: null };
    const lost = checkpoint ? await findLostVideo(context, requestedAtMs) : undefined;
    if (lost === undefined) await context.saveCheckpoint(asked);
    await context.checkLease();
    const { videoId } = lost ?? (await createVideo(recording, signal));
    crashPoint('publish:after-create');
    await context.saveCheckpoint({ ...asked, videoId });
    return { ...asked, videoId, isNew: lost === undefined };
  }

  /** Into its collection, if it has one; if that was deleted a moment ago, the next attempt makes it again. */
  async function createVideo(
    { title, placement }: Recording,
    signal: AbortSignal,
  ): Promise<{ videoId: string }> {
    const name = placement?.collection ?? null;
    if (name === null) return await bunny.createVideo({ title, signal });
    const collectionId = await collections.idOf(name, signal);
    try {
      return await bunny.createVideo({ title, collectionId, signal });
    } catch (error) {
      collections.forget();
      throw error;
    }
  }

  /** The empty video of an earlier attempt whose answer was lost. */
  async function findLostVideo(
    { recording, signal }: WithdrawContext<'publish'>,
    requestedAtMs: number,
  ): Promise<Video | undefined> {
    for (const video of await bunny.findVideos({ title: recording.title, signal })) {
      const isCandidate =
        video.status === 'empty' &&
        video.title === recording.title &&
        video.createdAtMs >= requestedAtMs - BUNNY_CLOCK_SKEW_MS;
      if (isCandidate && !(await options.isTaken(video.videoId, recording.id))) return video;
    }
    return undefined;
  }

  type Position = { readonly uploadUrl: string; readonly offset: number };

  async function upload(context: TaskContext<'publish'>, source: Source, start: WithVideo): Promise<void> {
    const { signal } = context;
    let position: Position = await retryInPlace(retry, signal, () => locate(context, source, start));
    while (position.offset < source.totalBytes) {
      position = await retryInPlace(retry, signal, async (attempt) => {
        const { uploadUrl } = position;
        if (attempt > 1) position = await locate(context, source, { ...start, uploadUrl });
        if (position.offset === source.totalBytes) return position;
        return await sendPatch(context, source, start.videoId, position);
      });
    }
  }

  /** Where the upload stands: only Bunny knows how much of a broken request has arrived. */
  async function locate(
    context: TaskContext<'publish'>,
    source: Source,
    { contentId, requestedAtMs, videoId, uploadUrl }: WithVideo,
  ): Promise<Position> {
    if (uploadUrl !== null) {
      const remote = await bunny.uploadOffset({ videoId, uploadUrl, signal: context.signal });
      if (remote !== undefined && (remote.totalBytes ?? source.totalBytes) === source.totalBytes) {
        return { uploadUrl, offset: remote.offset };
      }
      // Bunny may forget an upload because all of it has arrived.
      const video = await bunny.getVideo({ videoId, signal: context.signal });
      if (video !== undefined && video.status !== 'empty') return { uploadUrl, offset: source.totalBytes };
    }
    await context.checkLease();
    const begun = await bunny.createUpload({
      videoId,
      bytes: source.totalBytes,
      title: context.recording.title,
      mediaType: source.mediaType,
      signal: context.signal,
    });
    crashPoint('publish:after-begin');
    await context.saveCheckpoint({ contentId, requestedAtMs, videoId, uploadUrl: begun.uploadUrl });
    return { uploadUrl: begun.uploadUrl, offset: 0 };
  }

  async function sendPatch(
    context: TaskContext<'publish'>,
    source: Source,
    videoId: string,
    { uploadUrl, offset }: Position,
  ): Promise<Position> {
    const end = Math.min(offset + patchBytes, source.totalBytes);
    await context.checkLease();
    const appended = await bunny.appendToUpload({
      videoId,
      uploadUrl,
      offset,
      bytes: end - offset,
      chunks: reporting(source.read(offset, end), offset, (done) =>
        context.progress(done, source.totalBytes),
      ),
      signal: context.signal,
    });
    crashPoint('publish:after-patch');
    return { uploadUrl, offset: appended.offset };
  }
}
