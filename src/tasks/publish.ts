import { type Checkpoints, checkpointSchemas } from '../domain/checkpoints.ts';
import { anotherLook, type Doubt, isBelieved } from '../domain/doubt.ts';
import { KnownError } from '../domain/errors.ts';
import { publisherOf } from '../domain/published.ts';
import type { TaskShape } from '../domain/recipe.ts';
import type { Facts } from '../domain/recording.ts';
import { plainTitle } from '../domain/video-mark.ts';
import type { Bytes } from '../engine/bytes.ts';
import type { Publisher, Video } from '../engine/ports/publisher.ts';
import type { Task, TaskContext, WithdrawContext } from '../engine/task.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { wallMs } from '../lib/wall-time.ts';
import {
  type PublisherParams,
  publisherParams,
  publisherPlaces,
  requirePublisher,
  serviceFor,
} from './support/publisher-params.ts';
import { retryInPlace, type TransferRetry } from './support/retry-in-place.ts';
import type { Tools } from './support/tools.ts';

/** How many times in a row a publisher says that a video is gone or unusable before it is made anew. */
const LOOKS = 3;

/** Attempts to give a complete video its plain title before that is left for later (`own-videos.ts`). */
const NAMING_ATTEMPTS = 2;

export const shape = {
  name: 'publish',
  label: 'Publish',
  lane: 'upload',
  takes: { file: 'growing' },
  reports: 'bytes',
  params: publisherParams,
  places: publisherPlaces,
  isAgain: true,
} as const satisfies TaskShape;

type PublishContext = TaskContext<PublisherParams, Checkpoints['publish']>;
type PublishWithdraw = WithdrawContext<PublisherParams, Checkpoints['publish']>;

export interface PublishOptions {
  /** Those that are set up, by their names. */
  readonly publishers: ReadonlyMap<string, Publisher>;
  readonly patchBytes: number;
  readonly retry: TransferRetry;
  /** How long a publisher says that a video is gone or unusable before it is made anew. */
  readonly goneAfterMs: number;
  readonly now?: () => number;
}

export const makeTask = (tools: Tools) => createPublishTask({ ...tools, ...tools.settings.publish });

/**
 * Makes the video with a publisher and uploads the file into it while it arrives.
 *
 * Safe to repeat: a video bears the mark of its recording from its creation on, and is looked for by it before another is
 * made, also when the ledger knows of none. The upload goes on at the offset that the publisher names; an upload that it
 * has forgotten begins again in the same video. That it has arrived is what the publisher says of its bytes: the upload's
 * offset, or the status and size of the video. A video that has got other bytes than today's is removed first. The plain
 * title and the mark that stays, given at the end, are the same each time.
 */
export function createPublishTask(
  options: PublishOptions,
): Task<PublisherParams, Facts['publish'], Checkpoints['publish']> {
  const { publishers } = options;
  const publishing = (params: PublisherParams) =>
    createPublishing({ ...options, publisher: requirePublisher(publishers, params) });
  return {
    ...shape,
    checkpoint: checkpointSchemas.publish,
    serviceFor: ({ params }) => serviceFor(publishers, params),
    claims: ({ checkpoint, fact }) => [checkpoint?.videoId, fact?.videoId],
    run: (context) => publishing(context.params).run(context),
    withdraw: (context) => publishing(context.params).withdraw(context),
  };
}

/** The same with one publisher. */
function createPublishing(options: Omit<PublishOptions, 'publishers'> & { readonly publisher: Publisher }) {
  const { publisher, patchBytes, retry, goneAfterMs, now = wallMs } = options;
  const { label } = publisher;

  return {
    async run(context: PublishContext): Promise<Facts['publish']> {
      // Asked while the first bytes are on their way: where nothing was begun, nothing can come late of it.
      const ours = context.checkpoint === undefined ? await findOurs(context) : undefined;
      const source = await context.take('file');
      const isForeign = (context.checkpoint?.contentId ?? source.contentId) !== source.contentId;
      if (isForeign) await withdraw({ ...context, fact: undefined });
      const known = isForeign ? undefined : context.checkpoint;
      const { hasArrived, ...checkpoint } = await ensureVideo(context, source, known, ours);
      if (!hasArrived) await upload(context, source, checkpoint);
      await source.proved();
      context.progress(source.totalBytes, source.totalBytes, 'found');
      await complete(context, source, checkpoint);
      return publisher.factOf(checkpoint.videoId);
    },
    withdraw,
  };

  type Checkpoint = Checkpoints['publish'];
  type WithVideo = Checkpoint & { readonly videoId: string };

  /** Deletes what the ledger names, and all else that bears the recording's mark; an earlier video only with all of it. */
  async function withdraw(context: PublishWithdraw): Promise<void> {
    const { checkpoint, signal, recording } = context;
    const fact = context.fact as Facts['publish'] | undefined;
    // What was given up may still come.
    if (publisher.comesLate) await context.expectLate(plainTitle(context.recording.title));
    const videoIds = new Set((await findOurs(context)).map(({ videoId }) => videoId));
    const earlier = recording.state === 'deleting' ? (recording.earlierVideoIds ?? []).filter(isWithUs) : [];
    for (const known of [fact?.videoId, checkpoint?.videoId, ...earlier]) {
      if (known) videoIds.add(known);
    }
    for (const videoId of videoIds) {
      await context.checkLease();
      await publisher.remove({ videoId, signal });
    }
  }

  /** The video of earlier attempts, whether the ledger knows of them or not, or a new one. */
  async function ensureVideo(
    context: PublishContext,
    source: Bytes,
    checkpoint: Checkpoint | undefined,
    found: readonly Video[] | undefined,
  ): Promise<WithVideo & { readonly hasArrived: boolean }> {
    const { contentId, totalBytes } = source;
    const { videoId = null } = checkpoint ?? {};
    if (checkpoint && videoId !== null) {
      const known = { ...checkpoint, videoId };
      const standing = await standingOf(context, source, known);
      if (standing !== 'gone') {
        const { doubt, ...sure } = known;
        if (doubt) await context.saveCheckpoint(sure);
        return { ...sure, hasArrived: standing === 'arrived' };
      }
      // What it does not know now it may know again once there is another.
      if (publisher.comesLate) await context.expectLate(plainTitle(context.recording.title));
    }
    const asked: Checkpoint = {
      contentId,
      requestedAtMs: checkpoint?.requestedAtMs ?? now(),
      videoId: null,
      uploadUrl: null,
    };
    await context.saveCheckpoint(asked);
    const ours = found ?? (await findOurs(context));
    const adopted =
      ours.find((video) => isWholeOf(video, totalBytes)) ?? ours.find(({ status }) => status === 'empty');
    await context.checkLease();
    const place = plainTitle(context.recording.title);
    const isLate = adopted === undefined && publisher.comesLate;
    if (isLate) await context.expectLate(place);
    const made = adopted ?? (await reserve(context, source));
    crashPoint('publish:after-create');
    await context.saveCheckpoint({ ...asked, videoId: made.videoId });
    if (isLate) await context.cameInTime(place);
    const hasArrived = adopted !== undefined && adopted.status !== 'empty';
    return { ...asked, videoId: made.videoId, hasArrived };
  }

  async function reserve(
    { recording, signal }: PublishContext,
    { extension }: Bytes,
  ): Promise<{ readonly videoId: string }> {
    const shelf = recording.placement?.collection ?? null;
    return await publisher.reserve({ recording, shelf, extension, signal });
  }

  function isWithUs(videoId: string): boolean {
    return publisherOf(videoId) === publisher.name;
  }

  /** Those of the recording that are of this publication: of one that is published again the earlier ones stay for now. */
  async function findOurs({
    recording,
    signal,
  }: Pick<PublishContext, 'recording' | 'signal'>): Promise<Video[]> {
    const { state, earlierVideoIds = [] } = recording;
    const ours = await publisher.findOwn({ recording, signal });
    return ours.filter(({ videoId }) => state === 'deleting' || !earlierVideoIds.includes(videoId));
  }

  /**
   * Where the video of an earlier attempt stands; `gone` if another one has to be made.
   *
   * @throws KnownError as long as a bad answer may pass, or once it has removed what the publisher cannot use
   */
  async function standingOf(
    context: PublishContext,
    { totalBytes }: Bytes,
    checkpoint: WithVideo,
  ): Promise<'arrived' | 'open' | 'gone'> {
    const { videoId, uploadUrl } = checkpoint;
    const { signal } = context;
    const video = await publisher.look({ videoId, signal });
    if (video !== undefined && hasArrived(video, totalBytes)) return 'arrived';
    if (video?.status === 'empty' || video?.status === 'unknown') return 'open';
    if (video !== undefined && video.status !== 'upload-failed' && uploadUrl !== null) {
      // What became of the file is another matter: whether all of it has arrived the upload knows best.
      const remote = await publisher.offset({ videoId, uploadUrl, signal });
      if (remote?.offset === totalBytes) return 'arrived';
    }
    if (!(await believe(context, checkpoint))) throw doubtful(videoId, video);
    if (video === undefined) return 'gone';
    await withdraw({ ...context, fact: undefined });
    await context.saveCheckpoint({ ...checkpoint, videoId: null, uploadUrl: null, doubt: undefined });
    throw new KnownError(`${label} has not got the whole file of the video ${videoId}; it is made anew`, {
      code: 'TRANSFER_CORRUPT',
      retry: 'backoff',
    });
  }

  /** Whether a bad answer has come often enough, this time counted. */
  async function believe(context: PublishContext, checkpoint: WithVideo): Promise<boolean> {
    const doubt: Doubt = anotherLook(checkpoint.doubt, now());
    if (isBelieved(doubt, { looks: LOOKS, forMs: goneAfterMs }, now())) return true;
    await context.saveCheckpoint({ ...checkpoint, doubt });
    return false;
  }

  function doubtful(videoId: string, video: Video | undefined): KnownError {
    const what = video === undefined ? 'does not know' : 'has not got the whole file of';
    return new KnownError(`${label} ${what} the video ${videoId}, which may pass`, {
      code: 'VIDEO_MISSING',
      retry: { waitMs: Math.ceil(goneAfterMs / (LOOKS - 1)) },
    });
  }

  type Position = { readonly uploadUrl: string; readonly offset: number };

  async function upload(context: PublishContext, source: Bytes, start: WithVideo): Promise<void> {
    const { signal } = context;
    let position: Position = await retryInPlace(retry, signal, () => locate(context, source, start));
    context.progress(position.offset, source.totalBytes, 'found');
    while (position.offset < source.totalBytes) {
      position = await retryInPlace(retry, signal, async (attempt) => {
        const { uploadUrl } = position;
        if (attempt > 1) position = await locate(context, source, { ...start, uploadUrl });
        if (position.offset === source.totalBytes) return position;
        return await sendPatch(context, source, start.videoId, position);
      });
    }
  }

  /** Where the upload stands: only the publisher knows how much of a broken request has arrived, or arrives yet. */
  async function locate(
    context: PublishContext,
    { totalBytes, mediaType }: Bytes,
    { contentId, requestedAtMs, videoId, uploadUrl }: WithVideo,
  ): Promise<Position> {
    const { recording, signal } = context;
    if (uploadUrl !== null) {
      const remote = await publisher.offset({ videoId, uploadUrl, signal });
      const isThisFile = remote !== undefined && (remote.totalBytes ?? totalBytes) === totalBytes;
      if (isThisFile && remote.offset <= totalBytes) return { uploadUrl, offset: remote.offset };
      // It may forget an upload because all of it has arrived.
      const video = await publisher.look({ videoId, signal });
      if (video !== undefined && hasArrived(video, totalBytes)) return { uploadUrl, offset: totalBytes };
    }
    await context.checkLease();
    const begun = await publisher.begin({ videoId, recording, bytes: totalBytes, mediaType, signal });
    crashPoint('publish:after-begin');
    await context.saveCheckpoint({ contentId, requestedAtMs, videoId, uploadUrl: begun.uploadUrl });
    return { uploadUrl: begun.uploadUrl, offset: 0 };
  }

  async function sendPatch(
    context: PublishContext,
    source: Bytes,
    videoId: string,
    { uploadUrl, offset }: Position,
  ): Promise<Position> {
    const end = Math.min(offset + patchBytes, source.totalBytes);
    await context.checkLease();
    const appended = await publisher.append({
      videoId,
      uploadUrl,
      offset,
      bytes: end - offset,
      chunks: source.read(offset, end),
      onSent: (sentBytes) => context.progress(offset + sentBytes, source.totalBytes),
      signal: context.signal,
    });
    crashPoint('publish:after-patch');
    return { uploadUrl, offset: appended.offset };
  }

  /** Unless the publisher says in the end that it could not take the file, gives the video its plain title and the mark that stays. */
  async function complete(
    context: PublishContext,
    { totalBytes }: Bytes,
    { videoId }: WithVideo,
  ): Promise<void> {
    const { recording, signal } = context;
    const video = await publisher.look({ videoId, signal });
    if (video?.status === 'upload-failed') throw doubtful(videoId, video);
    if (publisher.setTitle === undefined || (video?.hasPlainTitle && video.ownerId === recording.id)) return;
    await context.checkLease();
    const attempts = Math.min(retry.attempts, NAMING_ATTEMPTS);
    try {
      const named = { videoId, tags: video?.tags ?? [] };
      await retryInPlace({ ...retry, attempts }, signal, async () =>
        publisher.setTitle?.({ video: named, recording, bytes: totalBytes, signal }),
      );
      crashPoint('publish:after-naming');
    } catch (error) {
      if (signal.aborted || !(error instanceof KnownError)) throw error;
      await context.expectLate(plainTitle(recording.title));
      context.log.warn(
        { event: 'publish.not-named', videoId, err: error },
        'the video keeps its mark for now',
      );
    }
  }
}

/**
 * Whether its publisher says that a video has a whole file of this length: by its status, unless it keeps less than that. Where
 * the original is not kept, its size says nothing.
 */
function hasArrived({ status, storedBytes = 0, hasOriginal }: Video, totalBytes: number): boolean {
  const isShort = hasOriginal !== false && storedBytes < totalBytes;
  if (status === 'processing' || status === 'playable') return storedBytes === 0 || !isShort;
  return status === 'failed' && hasOriginal !== false && !isShort;
}

/** Whether a video that nobody has noted is a recording's, and whole. */
function isWholeOf(video: Video, totalBytes: number): boolean {
  const isUsable = video.status === 'processing' || video.status === 'playable';
  return isUsable && (video.madeOfBytes ?? totalBytes) === totalBytes && hasArrived(video, totalBytes);
}
