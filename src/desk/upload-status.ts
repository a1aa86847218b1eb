import { playUrl } from '../domain/announcement.ts';
import { KnownError } from '../domain/errors.ts';
import { aceKey, recordingId } from '../domain/ids.ts';
import type { Legs } from '../domain/progress.ts';
import { isInBunny, type VideoFact } from '../domain/published.ts';
import type { State } from '../domain/recording.ts';
import { fillWatchUrl } from '../domain/watch-url.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RecipeBook } from '../recipes/book.ts';
import type { ProgressBoard } from './progress-board.ts';

/** How far the recording is that an upload has become. */
export interface UploadStatus {
  readonly state: State;
  /** The first step of its way that is not done; `undefined` once all are. */
  readonly stage: string | undefined;
  /** Of the bytes, while it moves. */
  readonly percent: number | undefined;
  /** Its place in line, from 1. */
  readonly position: number | undefined;
  readonly isPlayable: boolean;
  /** Where it can be watched, once it can, if there is such a place. */
  readonly watchUrl: string | undefined;
  readonly title: string;
}

export interface UploadStatusOptions {
  readonly ledger: Pick<Ledger, 'overview' | 'recordings'>;
  readonly progress: Pick<ProgressBoard, 'legsOf'>;
  /** The way that a recording goes. */
  readonly book: Pick<RecipeBook, 'planOf'>;
  /** Where recordings are watched, with blanks for what tells which; none: a tutor is told of no such place. */
  readonly watchUrl: string | undefined;
}

/**
 * Tells an uploader how far their recording is. The upload's id, which nobody can guess and only the uploader was told, is
 * the permission to ask; of others there is nothing. One that was left out, because another one of its recording came first,
 * is told so; if its bytes were the same, that one's way is its own.
 *
 * @throws KnownError `NOT_FOUND` or `UPLOAD_LEFT_OUT`
 */
export async function readUploadStatus(
  { ledger, progress, book, watchUrl }: UploadStatusOptions,
  { aceId, uploadId }: { readonly aceId: string; readonly uploadId: string },
): Promise<UploadStatus> {
  const id = recordingId(aceKey(aceId));
  const summary = (await ledger.overview.summaries([id]))[0];
  if (summary === undefined) throw nothingCame();
  const { recording, videos, isPlayable, position } = summary;
  if (recording.details['upload_id'] !== uploadId) await requireSameBytes(ledger, id, uploadId);
  const { steps } = await book.planOf(recording);
  const { facts }: { facts: Readonly<Record<string, unknown>> } = await ledger.recordings.progress(id);
  return {
    state: recording.state,
    stage: steps.find((step) => facts[step.id] === undefined)?.id,
    percent: recording.state === 'moving' ? percentOf(progress.legsOf(id)) : undefined,
    position,
    isPlayable,
    watchUrl:
      watchUrl !== undefined && isPlayable
        ? watchUrlOf(watchUrl, videos.find((each) => each.isPlayable)?.video, { ace_id: aceId, id })
        : undefined,
    title: recording.title,
  };
}

async function requireSameBytes(
  { recordings }: Pick<Ledger, 'recordings'>,
  recordingId: string,
  uploadId: string,
): Promise<void> {
  const surplus = (await recordings.events(recordingId)).findLast(
    ({ type, data }) => type === 'upload.surplus' && data['upload_id'] === uploadId,
  );
  if (surplus === undefined) throw nothingCame();
  if (surplus.data['kept'] === false) return;
  throw new KnownError('Another upload of this recording was first', { code: 'UPLOAD_LEFT_OUT' });
}

function nothingCame(): KnownError {
  return new KnownError('No recording has come of this upload', { code: 'NOT_FOUND' });
}

/** The address that the settings name, or that of the video itself where they name Bunny's and it is elsewhere. */
function watchUrlOf(
  template: string,
  video: VideoFact | undefined,
  of: { ace_id: string; id: string },
): string | undefined {
  const isOfBunny = /\{(library|video)_id\}/.test(template);
  if (isOfBunny && (video === undefined || !isInBunny(video))) return video && playUrl(video);
  const library = video !== undefined && isInBunny(video) ? video.libraryId : '';
  return fillWatchUrl(template, { ...of, library_id: library, video_id: video?.videoId ?? '' });
}

/** The slowest way of the bytes is the one that counts. */
function percentOf(legs: Legs | undefined): number | undefined {
  const shares = Object.values(legs ?? {}).map(({ doneBytes, totalBytes }) =>
    totalBytes > 0 ? doneBytes / totalBytes : 1,
  );
  return shares.length === 0 ? undefined : Math.min(100, Math.floor(Math.min(...shares) * 100));
}
