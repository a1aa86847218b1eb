import type { Logger } from 'pino';
import type { Bunny } from '../clients/bunny.ts';
import { failedBody, playableBody } from '../domain/announcement.ts';
import { backoffMs } from '../domain/backoff.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Watch } from '../ledger/watches.ts';
import type { Outcome } from './jobs.ts';

/** By the clock alone no watch is given up: it may be wrong. */
const FEWEST_POLLS = 3;

export interface WatchRunnerOptions {
  readonly ledger: Pick<Ledger, 'recordings' | 'watches'>;
  readonly bunny: Pick<Bunny, 'getVideo'>;
  readonly libraryId: string;
  readonly cdnHost: string | undefined;
  /** Pauses between two looks, growing from the first to the second. */
  readonly poll: { readonly minMs: number; readonly maxMs: number };
  /** After this long without a result the video counts as failed. */
  readonly timeoutMs: number;
  /** Called when there is something to deliver. */
  readonly onEnded: (recordingId: string) => void;
  readonly log: Logger;
}

/**
 * Looks once whether Bunny has made a published video playable, and announces it. Bunny's webhooks only say when to
 * look: they can get lost, and can be replayed by anyone who has seen one.
 */
export function createWatchRunner(options: WatchRunnerOptions) {
  const { bunny, libraryId, cdnHost, timeoutMs } = options;
  const { recordings, watches } = options.ledger;

  return async function run(videoId: string, signal: AbortSignal): Promise<Outcome> {
    const watch = await watches.get(videoId);
    if (watch === undefined || !watch.isPending) return 'finished';
    if (watch.notBeforeMs > Date.now()) return { againAtMs: watch.notBeforeMs };

    const log = options.log.child({ videoId, recordingId: watch.recordingId });
    let status: string;
    try {
      status = (await bunny.getVideo({ videoId, signal }))?.status ?? 'failed';
    } catch (error) {
      if (signal.aborted) return 'given-back';
      log.warn({ event: 'watch.attempt-failed', err: error }, 'could not look at the video');
      return await lookAgain(watch);
    }
    const isLate = watch.polls >= FEWEST_POLLS && Date.now() > watch.createdAtMs + timeoutMs;
    if (status !== 'playable' && status !== 'failed' && !isLate) return await lookAgain(watch);

    await end(watch, status === 'playable');
    log.info({ event: 'watch.ended', status }, 'video watched to its end');
    options.onEnded(watch.recordingId);
    return 'finished';
  };

  async function lookAgain(watch: Watch): Promise<Outcome> {
    const backoff = { attempts: Number.POSITIVE_INFINITY, ...options.poll };
    const pauseMs = backoffMs(backoff, watch.polls + 1, Math.random) ?? options.poll.maxMs;
    const notBeforeMs = Date.now() + pauseMs;
    await watches.lookAgain(watch.videoId, notBeforeMs);
    return { againAtMs: notBeforeMs };
  }

  async function end({ videoId, recordingId }: Watch, isPlayable: boolean): Promise<void> {
    const recording = await recordings.get(recordingId);
    if (recording === undefined) return;
    const nowMs = Date.now();
    if (isPlayable) {
      const body = playableBody({ recording, publish: { libraryId, videoId }, cdnHost, nowMs });
      await watches.end(videoId, 'video.playable', { recordingId, type: 'recording.playable', body });
      return;
    }
    const error = { code: 'PUBLISH_FAILED', message: `Bunny could not encode the video ${videoId}` } as const;
    const body = failedBody({ recording, error, nowMs });
    const occasion = `recording.failed ${videoId}`;
    await watches.end(videoId, 'video.failed', { recordingId, type: 'recording.failed', occasion, body });
  }
}
