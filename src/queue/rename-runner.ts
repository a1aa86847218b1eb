import type { Logger } from 'pino';
import type { Bunny } from '../clients/bunny.ts';
import { backoffMs } from '../domain/backoff.ts';
import { KnownError, summarize } from '../domain/errors.ts';
import { plainTitle } from '../domain/video-mark.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Rename } from '../ledger/renames.ts';
import { startRepeating } from '../lib/abort.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { nameVideo } from '../tasks/support/video-name.ts';

/** How often it is looked whether something is due, in milliseconds. */
const POLL_MS = 1000;

/** How many are looked at in one round. */
const ROUND = 20;

/** Pauses between two tries. */
const PAUSES = { attempts: Number.POSITIVE_INFINITY, minMs: 2000, maxMs: 600_000 } as const;

/** How often Bunny may refuse a title before it keeps the one that it has. */
const MOST_REFUSALS = 8;

/**
 * Gives published videos the titles that operators have given their recordings, as long as Bunny is away and after any
 * crash. Safe to repeat: the same title again changes nothing. A video that is gone needs none.
 */
export function startRenaming(options: {
  readonly ledger: Pick<Ledger, 'renames'>;
  readonly bunny: Pick<Bunny, 'getVideo' | 'updateVideo'>;
  readonly log: Logger;
}): { stop(): Promise<void> } {
  const { bunny, log } = options;
  const { renames } = options.ledger;

  async function rename(due: Rename, signal: AbortSignal): Promise<void> {
    const { recordingId, videoId, title, bytes } = due;
    try {
      const video = await bunny.getVideo({ videoId, signal });
      if (video === undefined || video.title === plainTitle(title)) return await renames.end(due);
      const recording = { id: recordingId, title };
      await nameVideo(bunny, { video, recording, bytes: bytes ?? 0, signal });
      crashPoint('rename:after-update');
      log.info({ event: 'video.renamed', recordingId, videoId }, 'the video has its new title');
      await renames.end(due, { event: 'video.renamed', data: { videoId, title: plainTitle(title) } });
    } catch (error) {
      if (signal.aborted) return;
      const isRefused = error instanceof KnownError && error.code === 'REMOTE_REJECTED';
      if (isRefused && due.looks + 1 >= MOST_REFUSALS) {
        await renames.end(due, { event: 'video.rename-refused', data: { videoId, ...summarize(error) } });
        return;
      }
      log.warn({ event: 'video.not-renamed', recordingId, videoId, err: error }, 'renamed later');
      await renames.lookAgain(
        due,
        Date.now() + (backoffMs(PAUSES, due.looks + 1, Math.random) ?? PAUSES.maxMs),
      );
    }
  }

  return startRepeating(async (signal) => {
    try {
      for (const due of await renames.due(Date.now(), ROUND)) {
        if (signal.aborted) return;
        await rename(due, signal);
      }
    } catch (error) {
      log.warn({ event: 'video.not-renamed', err: error }, 'renamed later');
    }
  }, POLL_MS);
}
