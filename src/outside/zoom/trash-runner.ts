import type { Logger } from 'pino';
import { archivedFiles, storeOf } from '../../domain/archived.ts';
import type { Backoff } from '../../domain/backoff.ts';
import { KnownError, summarize } from '../../domain/errors.ts';
import { askedMs, endlessPauseMs } from '../../domain/next-attempt.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type { Recording } from '../../domain/recording.ts';
import type { Store } from '../../engine/ports/store.ts';
import { wallMs } from '../../lib/wall-time.ts';
import type { WholeLedger } from '../whole-ledger.ts';
import type { ZoomApi } from './client.ts';
import type { TrashItem } from './tables/trash.ts';

/** How long a file is kept in view that cannot go, in milliseconds. */
const GIVE_UP_AFTER_MS = 30 * 86_400_000;
/** By the clock alone nothing is given up: it may be wrong. */
const FEWEST_LOOKS = 3;

export interface TrashRunnerOptions {
  readonly ledger: Pick<WholeLedger, 'recordings' | 'zoom'>;
  readonly stores: ReadonlyMap<string, Pick<Store, 'look'>>;
  readonly apiOf: (accountId: string | null) => Pick<ZoomApi, 'trashFile'> | undefined;
  /** What all recordings of a meeting must be before any of its files goes. */
  readonly after: 'published' | 'playable';
  readonly backoff: Pick<Backoff, 'minMs' | 'maxMs'>;
  readonly log: Logger;
}

/** The queue of files that are to go to Zoom's trash. */
export const TRASH_QUEUE = 'zoom-trash';

/** The file of Zoom that a recording was fetched from, if it is one that can go to the trash by itself. */
export function trashableFile({ source, details }: Recording) {
  const { account_id: accountId, meeting_uuid: meetingUuid, recording_id: fileId } = details;
  if (source !== 'zoom' || typeof meetingUuid !== 'string' || typeof fileId !== 'string') return undefined;
  return { accountId: typeof accountId === 'string' ? accountId : null, meetingUuid, fileId };
}

/**
 * Moves one file to Zoom's trash, once all that is wanted of its meeting is home and the archive still has this one.
 *
 * Safe to repeat: a file that is gone counts as moved, and the ledger keeps one event of it.
 */
export function createTrashRunner(options: TrashRunnerOptions) {
  const { stores, apiOf, after, backoff } = options;
  const { recordings } = options.ledger;
  const { trash } = options.ledger.zoom;

  return async function run(id: string, signal: AbortSignal): Promise<Outcome> {
    const item = await trash.get(id);
    if (item === undefined || !item.isPending) return 'finished';
    if (item.notBeforeMs > wallMs()) return { againAtMs: item.notBeforeMs };
    const recording = await recordings.get(id);
    const file = recording && trashableFile(recording);
    if (recording === undefined || file === undefined) return 'finished';

    const log = options.log.child({ recordingId: id });
    try {
      if (!(await isHome(recording))) return await lookAgain(item);
      if (!(await isArchived(recording, signal))) {
        return await giveUp(item, 'the archive does not have it as it was put there', log);
      }
      const api = apiOf(file.accountId);
      if (api === undefined) {
        throw new KnownError('There are no credentials to ask Zoom with', { code: 'ZOOM_NOT_CONNECTED' });
      }
      const wasThere = await api.trashFile({ ...file, signal });
      await trash.end(id, 'trash.moved', { wasThere });
      log.info({ event: 'trash.moved', wasThere }, 'moved to the trash of Zoom');
      return 'finished';
    } catch (error) {
      if (signal.aborted) return 'given-back';
      log.warn({ event: 'trash.failed', err: error }, 'not moved to the trash of Zoom, tried again');
      return await lookAgain(item, error);
    }

    async function lookAgain(looked: TrashItem, error?: unknown): Promise<Outcome> {
      if (looked.looks >= FEWEST_LOOKS && wallMs() > looked.createdAtMs + GIVE_UP_AFTER_MS) {
        const why = error === undefined ? 'its meeting has not come home' : summarize(error).message;
        return await giveUp(looked, why, log);
      }
      const pauseMs = Math.max(endlessPauseMs(backoff, looked.looks + 1), askedMs(error));
      const notBeforeMs = wallMs() + pauseMs;
      await trash.lookAgain(id, notBeforeMs, error === undefined ? undefined : summarize(error));
      return { againAtMs: notBeforeMs };
    }
  };

  async function giveUp({ recordingId }: TrashItem, why: string, log: Logger): Promise<Outcome> {
    await trash.end(recordingId, 'trash.given-up', { why });
    log.error({ event: 'trash.given-up', why }, 'left with Zoom');
    return 'finished';
  }

  async function isHome({ groupKey }: Recording): Promise<boolean> {
    if (groupKey === null) return false;
    const { areDone, arePlayable } = await trash.standingOf(groupKey);
    return areDone && (after === 'published' || arePlayable);
  }

  /** Looked at once more in the stores themselves: what goes from Zoom may be the only other copy. */
  async function isArchived({ id }: Recording, signal: AbortSignal): Promise<boolean> {
    const { facts } = await recordings.progress(id);
    const files = archivedFiles(facts);
    for (const archived of files) {
      const file = { id: archived.fileId, name: archived.fileName };
      const stored = await stores.get(storeOf(archived))?.look({ file, signal });
      if (stored?.isFinished !== true || stored.bytes !== facts.fetch?.bytes) return false;
    }
    return files.length > 0;
  }
}
