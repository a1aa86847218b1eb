import type { Logger } from 'pino';
import { KnownError, summarize } from '../domain/errors.ts';
import { endlessPauseMs } from '../domain/next-attempt.ts';
import { publisherOf } from '../domain/published.ts';
import { plainTitle } from '../domain/video-mark.ts';
import type { Publisher } from '../engine/ports/publisher.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Rename, RenameOutcome } from '../ledger/renames.ts';
import { startRepeating } from '../lib/abort.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { wallMs } from '../lib/wall-time.ts';

/** How often it is looked whether something is due, in milliseconds. */
const POLL_MS = 1000;

/** How many are looked at in one round. */
const ROUND = 20;

/** Pauses between two tries. */
const PAUSES = { attempts: Number.POSITIVE_INFINITY, minMs: 2000, maxMs: 600_000 } as const;

/** How often a publisher may refuse a title before it keeps the one that it has. */
const MOST_REFUSALS = 8;

/**
 * Gives published videos the titles that operators have given their recordings, as long as their publisher is away and after
 * any crash. Safe to repeat: the same title again changes nothing. A video that is gone needs none.
 */
export function startRenaming(options: {
  readonly ledger: Pick<Ledger, 'hosts' | 'renames'>;
  readonly publishers: ReadonlyMap<string, Publisher>;
  readonly log: Logger;
}): { stop(): Promise<void> } {
  const { publishers, log } = options;
  const { hosts, renames } = options.ledger;

  async function rename(due: Rename, signal: AbortSignal): Promise<void> {
    const { recordingId, videoIds } = due;
    const outcomes: RenameOutcome[] = [];
    try {
      for (const videoId of videoIds) {
        const outcome = await renameVideo(due, videoId, signal);
        if (outcome !== undefined) outcomes.push(outcome);
      }
      await renames.end(due, outcomes);
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ event: 'video.not-renamed', recordingId, err: error }, 'renamed later');
      await renames.lookAgain(due, wallMs() + endlessPauseMs(PAUSES, due.looks + 1));
    }
  }

  /** Says what has become of the video; `undefined` if nothing had to. */
  async function renameVideo(
    { recordingId, title, bytes, looks }: Rename,
    videoId: string,
    signal: AbortSignal,
  ): Promise<RenameOutcome | undefined> {
    const publisher = publishers.get(publisherOf(videoId));
    if (publisher?.setTitle === undefined) return undefined;
    try {
      const video = await publisher.look({ videoId, signal });
      if (video === undefined || video.title === plainTitle(title)) return undefined;
      const recording = { id: recordingId, title };
      await publisher.setTitle({ video, recording, bytes: bytes ?? 0, signal });
      crashPoint('rename:after-update');
      log.info({ event: 'video.renamed', recordingId, videoId }, 'the video has its new title');
      return { event: 'video.renamed', data: { videoId, title: plainTitle(title) } };
    } catch (error) {
      const isRefused = error instanceof KnownError && error.code === 'REMOTE_REJECTED';
      if (!isRefused || looks + 1 < MOST_REFUSALS) throw error;
      return { event: 'video.rename-refused', data: { videoId, ...summarize(error) } };
    }
  }

  return startRepeating(async (signal) => {
    try {
      if (!(await hosts.isFirst())) return;
      for (const due of await renames.due(wallMs(), ROUND)) {
        if (signal.aborted) return;
        await rename(due, signal);
      }
    } catch (error) {
      log.warn({ event: 'video.not-renamed', err: error }, 'renamed later');
    }
  }, POLL_MS);
}
