import type { Logger } from 'pino';
import { failedBody, playableBody } from '../domain/announcement.ts';
import { anotherLook, isBelieved } from '../domain/doubt.ts';
import { KnownError } from '../domain/errors.ts';
import { endlessPauseMs } from '../domain/next-attempt.ts';
import type { Outcome } from '../domain/outcome.ts';
import { playbackIn } from '../domain/playback.ts';
import { isInBunny, publisherOf, videosIn } from '../domain/published.ts';
import type { Publisher, Video } from '../engine/ports/publisher.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Watch } from '../ledger/watches.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { wallMs } from '../lib/wall-time.ts';

/** By the clock alone no watch is given up: it may be wrong. */
const FEWEST_POLLS = 3;

/** How many times in a row its publisher does not know a video before that is believed. */
const MISSING_LOOKS = 5;

/** The longest pause between two looks at a video that counts as failed, in milliseconds. */
const MAX_RECHECK_PAUSE_MS = 3_600_000;

export interface WatchRunnerOptions {
  readonly ledger: Pick<Ledger, 'recordings' | 'watches'>;
  readonly publishers: ReadonlyMap<string, Publisher>;
  readonly cdnHost: string | undefined;
  /** The page on which a recording's package plays; `undefined`: there is none for others. */
  readonly watchPageOf: (recordingId: string) => string | undefined;
  /** Pauses between two looks, growing from the first to the second. */
  readonly poll: { readonly minMs: number; readonly maxMs: number };
  /** After this long without a result the video counts as failed. */
  readonly timeoutMs: number;
  /** How long its publisher does not know a video before it counts as failed. */
  readonly goneAfterMs: number;
  /** How much longer than `timeoutMs` a video that counts as failed is looked at. */
  readonly recheckMs: number;
  /** Called when there is something to deliver. */
  readonly onEnded: (recordingId: string) => void;
  readonly log: Logger;
}

/**
 * Looks once whether a published video is playable yet, and announces it. Bunny's webhooks only say when to look: they
 * can get lost, and can be replayed by anyone who has seen one. That a video has failed is announced when
 * its publisher says so, has not known it for a while, or has made nothing of it in time; none of that is the last word, so it
 * is looked at from time to time for some days, and may be announced as playable yet.
 */
export function createWatchRunner(options: WatchRunnerOptions) {
  const { publishers, cdnHost, timeoutMs, goneAfterMs, recheckMs, poll } = options;
  const { recordings, watches } = options.ledger;
  const pauses = {
    pending: poll,
    'video.failed': { minMs: poll.maxMs, maxMs: Math.max(poll.maxMs, MAX_RECHECK_PAUSE_MS) },
  };

  return async function run(videoId: string, signal: AbortSignal): Promise<Outcome> {
    const watch = await watches.get(videoId);
    if (watch === undefined || !isLookedAt(watch)) return 'finished';
    const { state } = watch;
    // Further away than the longest pause: the clock was put back.
    const isNow = watch.notBeforeMs <= wallMs() || watch.notBeforeMs > wallMs() + pauses[state].maxMs;
    if (!isNow) return { againAtMs: watch.notBeforeMs };

    const log = options.log.child({ videoId, recordingId: watch.recordingId });
    let video: Video | undefined;
    try {
      video = await publisherFor(videoId).look({ videoId, signal });
    } catch (error) {
      if (signal.aborted) return 'given-back';
      log.warn({ event: 'watch.attempt-failed', err: error }, 'could not look at the video');
      return await lookAgain(watch, watch.missing);
    }
    return await judge(watch, video, log, signal);
  };

  function publisherFor(videoId: string): Publisher {
    const publisher = publishers.get(publisherOf(videoId));
    if (publisher !== undefined) return publisher;
    throw new KnownError(`The publisher ${publisherOf(videoId)} is not set up here`, {
      code: 'PUBLISHER_MISSING',
    });
  }

  async function judge(
    watch: LookedAt,
    video: Video | undefined,
    log: Logger,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const nowMs = wallMs();
    const missing = video === undefined ? anotherLook(watch.missing, nowMs) : undefined;
    const isPlayable = video?.status === 'playable';
    if (!isPlayable && watch.state === 'video.failed') {
      if (nowMs <= watch.createdAtMs + timeoutMs + recheckMs) return await lookAgain(watch, missing);
      await watches.giveUp(watch.videoId);
      return 'finished';
    }
    const hasFailed =
      video?.status === 'failed' ||
      video?.status === 'upload-failed' ||
      (missing && isBelieved(missing, { looks: MISSING_LOOKS, forMs: goneAfterMs }, nowMs)) ||
      (watch.polls >= FEWEST_POLLS && nowMs > watch.createdAtMs + timeoutMs);
    if (!isPlayable && !hasFailed) return await lookAgain(watch, missing);

    const againAtMs = nowMs + pauses['video.failed'].minMs;
    if (isPlayable) await endWell(watch, signal);
    else await endBadly(watch, video, againAtMs);
    log.info({ event: 'watch.ended', status: video?.status ?? 'missing' }, 'video watched to its end');
    options.onEnded(watch.recordingId);
    return isPlayable ? 'finished' : { againAtMs };
  }

  async function lookAgain(watch: LookedAt, missing: Watch['missing']): Promise<Outcome> {
    const notBeforeMs = wallMs() + endlessPauseMs(pauses[watch.state], watch.polls + 1);
    await watches.lookAgain(watch.videoId, notBeforeMs, missing);
    return { againAtMs: notBeforeMs };
  }

  /** Videos that it had before go now that this one can be watched, unless yet another one is being made. */
  async function endWell({ videoId, recordingId }: Watch, signal: AbortSignal): Promise<void> {
    const recording = await recordings.get(recordingId);
    if (recording === undefined) return;
    const publisher = publisherFor(videoId);
    const { earlierVideoIds: earlier } = recording;
    const { facts } = await recordings.progress(recordingId);
    const isPresent = videosIn(facts).some((published) => published.videoId === videoId);
    const replaced = isPresent ? (earlier ?? []).filter((id) => publisherOf(id) === publisher.name) : [];
    for (const earlierId of replaced) await publisher.remove({ videoId: earlierId, signal });
    if (replaced.length > 0) crashPoint('watch:after-removal');
    const body = playableBody({
      recording,
      video: publisher.factOf(videoId),
      playback: playbackIn(facts),
      embedUrl: options.watchPageOf(recordingId),
      cdnHost,
      nowMs: wallMs(),
    });
    const type = 'recording.playable';
    // Of a video in Bunny alone the website hears once, as it always has.
    const isOnly = earlier === undefined && isInBunny(publisher.factOf(videoId));
    const announcement = {
      recordingId,
      type,
      ...(isOnly ? {} : { occasion: `${type} ${videoId}` }),
      body,
    };
    await watches.end(videoId, 'video.playable', announcement, { replaced });
  }

  async function endBadly(
    { videoId, recordingId }: Watch,
    video: Video | undefined,
    againAtMs: number,
  ): Promise<void> {
    const recording = await recordings.get(recordingId);
    if (recording === undefined) return;
    const error = {
      code: 'PUBLISH_FAILED',
      message: `${publisherFor(videoId).label} ${whatIsWrong(video)} the video ${videoId}`,
    } as const;
    const body = failedBody({ recording, error, nowMs: wallMs() });
    const occasion = `recording.failed ${videoId}`;
    const announcement = { recordingId, type: 'recording.failed', occasion, body };
    await watches.end(videoId, 'video.failed', announcement, { notBeforeMs: againAtMs });
  }
}

function whatIsWrong(video: Video | undefined): string {
  if (video === undefined) return 'no longer knows';
  if (video.status === 'failed') return 'could not encode';
  return video.status === 'upload-failed' ? 'could not take the file of' : 'has not made anything of';
}

type LookedAt = Watch & { readonly state: 'pending' | 'video.failed' };

function isLookedAt(watch: Watch): watch is LookedAt {
  return watch.state === 'pending' || watch.state === 'video.failed';
}
