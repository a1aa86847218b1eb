import { BUNNY_CLOCK_SKEW_MS, type Bunny, type Video } from '../clients/bunny.ts';
import { KnownError } from '../domain/errors.ts';
import type { Checkpoints, Facts } from '../domain/recording.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { readRange } from '../lib/files.ts';
import { reporting } from '../lib/streams.ts';
import { retryInPlace, type TransferRetry } from './retry-in-place.ts';
import { requireFact, type Task, type TaskContext } from './task.ts';

export interface PublishOptions {
  readonly bunny: Bunny;
  readonly libraryId: string;
  readonly patchBytes: number;
  readonly retry: TransferRetry;
  /** Whether a Bunny video is known to belong to another recording. */
  readonly isTaken: (videoId: string, recordingId: string) => Promise<boolean>;
  readonly now?: () => number;
}

/**
 * Creates the video in Bunny Stream and uploads the file into it.
 *
 * Safe to repeat: that a video will be created is recorded first, so a later attempt looks for the empty one whose
 * creation was not answered, by title and age, before it creates another. The upload goes on at the offset that Bunny
 * names; an upload that Bunny has forgotten begins again in the same video.
 */
export function createPublishTask(options: PublishOptions): Task<'publish'> {
  const { bunny, libraryId, patchBytes, retry, now = Date.now } = options;

  return {
    stage: 'publish',
    serviceFor: () => 'bunny',
    async run(context) {
      const source = requireFact(context.facts, 'fetch');
      const checkpoint = await ensureVideo(context);
      const { videoId } = checkpoint;

      const video = await bunny.getVideo({ videoId, signal: context.signal });
      if (video === undefined) {
        // One that was made a moment ago may only not be listed yet; an older one has been deleted.
        if (context.checkpoint?.videoId === videoId) {
          await context.saveCheckpoint({ requestedAtMs: 0, videoId: null, uploadUrl: null });
        }
        throw new KnownError(`Bunny no longer knows the video ${videoId}`, {
          code: 'REMOTE_UNAVAILABLE',
          retry: 'backoff',
        });
      }
      if (video.status === 'failed') {
        throw new KnownError(`Bunny cannot use the video ${videoId}`, { code: 'PUBLISH_FAILED' });
      }
      // A video leaves "empty" only once its whole file has arrived.
      if (video.status === 'empty') await upload(context, source, checkpoint);
      context.progress(source.bytes, source.bytes);
      return { libraryId, videoId };
    },
  };

  type Checkpoint = Checkpoints['publish'];
  type WithVideo = Checkpoint & { readonly videoId: string };

  async function ensureVideo(context: TaskContext<'publish'>): Promise<WithVideo> {
    const { recording, checkpoint, signal } = context;
    if (checkpoint && checkpoint.videoId !== null) return { ...checkpoint, videoId: checkpoint.videoId };

    const requestedAtMs = checkpoint?.requestedAtMs || now();
    const lost = checkpoint?.requestedAtMs ? await findLostVideo(context, requestedAtMs) : undefined;
    if (lost === undefined) await context.saveCheckpoint({ requestedAtMs, videoId: null, uploadUrl: null });
    await context.checkLease();
    const { videoId } = lost ?? (await bunny.createVideo({ title: recording.title, signal }));
    crashPoint('publish:after-create');
    const found = { requestedAtMs, videoId, uploadUrl: null };
    await context.saveCheckpoint(found);
    return found;
  }

  /** The empty video of an earlier attempt whose answer was lost. */
  async function findLostVideo(
    { recording, signal }: TaskContext<'publish'>,
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

  async function upload(
    context: TaskContext<'publish'>,
    source: Facts['fetch'],
    start: WithVideo,
  ): Promise<void> {
    const { signal } = context;
    let position: Position = await retryInPlace(retry, signal, () => locate(context, source, start));
    while (position.offset < source.bytes) {
      position = await retryInPlace(retry, signal, async (attempt) => {
        const { uploadUrl } = position;
        if (attempt > 1) position = await locate(context, source, { ...start, uploadUrl });
        if (position.offset === source.bytes) return position;
        return await sendPatch(context, source, start.videoId, position);
      });
    }
  }

  /** Where the upload stands: only Bunny knows how much of a broken request has arrived. */
  async function locate(
    context: TaskContext<'publish'>,
    source: Facts['fetch'],
    { videoId, uploadUrl, ...checkpoint }: WithVideo,
  ): Promise<Position> {
    if (uploadUrl !== null) {
      const remote = await bunny.uploadOffset({ videoId, uploadUrl, signal: context.signal });
      if (remote !== undefined && (remote.totalBytes ?? source.bytes) === source.bytes) {
        return { uploadUrl, offset: remote.offset };
      }
      // Bunny may forget an upload because all of it has arrived.
      const video = await bunny.getVideo({ videoId, signal: context.signal });
      if (video !== undefined && video.status !== 'empty') return { uploadUrl, offset: source.bytes };
    }
    await context.checkLease();
    const begun = await bunny.createUpload({
      videoId,
      bytes: source.bytes,
      title: context.recording.title,
      mediaType: source.mediaType,
      signal: context.signal,
    });
    crashPoint('publish:after-begin');
    await context.saveCheckpoint({ ...checkpoint, videoId, uploadUrl: begun.uploadUrl });
    return { uploadUrl: begun.uploadUrl, offset: 0 };
  }

  async function sendPatch(
    context: TaskContext<'publish'>,
    source: Facts['fetch'],
    videoId: string,
    { uploadUrl, offset }: Position,
  ): Promise<Position> {
    const end = Math.min(offset + patchBytes, source.bytes);
    await context.checkLease();
    const appended = await bunny.appendToUpload({
      videoId,
      uploadUrl,
      offset,
      bytes: end - offset,
      chunks: reporting(readRange(source.path, offset, end), offset, (done) =>
        context.progress(done, source.bytes),
      ),
      signal: context.signal,
    });
    crashPoint('publish:after-patch');
    return { uploadUrl, offset: appended.offset };
  }
}
