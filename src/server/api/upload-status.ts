import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { playUrl } from '../../domain/announcement.ts';
import { KnownError } from '../../domain/errors.ts';
import { aceKey, recordingId } from '../../domain/ids.ts';
import type { ProgressMessage } from '../../domain/progress.ts';
import { isInBunny, mainFirst, type VideoFact, videosIn } from '../../domain/published.ts';
import { STATES } from '../../domain/recording.ts';
import { fillWatchUrl } from '../../domain/watch-url.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { RecipeBook } from '../../recipes/book.ts';
import { problems } from '../routes/problems.ts';

export interface UploadStatusOptions {
  readonly ledger: Pick<Ledger, 'overview' | 'recordings'>;
  /** The last that the worker has told of this recording. */
  readonly progressOf: (recordingId: string) => ProgressMessage['legs'] | undefined;
  /** The way that a recording goes. */
  readonly planOf: RecipeBook['planOf'];
  /** Where recordings are watched, with blanks for what tells which; none: a tutor is told of no such place. */
  readonly watchUrl: string | undefined;
}

const uploadStatusView = z
  .object({
    state: z.enum(STATES),
    stage: z.string().nullable().describe('The first step of its way that is not done; null once all are'),
    percent: z.int().min(0).max(100).nullable().describe('Of the bytes, while it moves'),
    position: z.int().nullable().describe('Its place in line, from 1'),
    playable: z.boolean(),
    watch_url: z
      .string()
      .nullable()
      .describe('Where it can be watched, once it can, if UPLOAD_WATCH_URL is set'),
    title: z.string(),
  })
  .meta({ id: 'UploadStatus', description: 'What a tutor is told of an upload that has arrived' });
export type UploadStatusView = z.output<typeof uploadStatusView>;

/**
 * `GET /upload/status/{upload}?ace_id=`: how far the recording is that an upload has become. The upload's id, which
 * nobody can guess and only the uploader was told, is the permission to ask; of others there is nothing. One that was left
 * out, because another one of its recording came first, is told so; if its bytes were the same, that one's way is its own.
 */
export function addUploadStatus(app: FastifyInstance, options: UploadStatusOptions): void {
  const { ledger, progressOf, planOf, watchUrl } = options;
  app.withTypeProvider<ZodTypeProvider>().get(
    '/upload/status/:upload',
    {
      config: { access: 'anyone' },
      schema: {
        tags: ['doors'],
        operationId: 'getUploadStatus',
        summary: 'How far the recording is that an upload has become',
        params: z.object({ upload: z.string().min(16).max(100) }),
        querystring: z.object({ ace_id: z.string().min(1).max(200) }),
        response: { 200: uploadStatusView, ...problems(400, 404, 409) },
      },
    },
    async ({ params, query }, reply): Promise<UploadStatusView> => {
      reply.header('cache-control', 'no-store');
      const id = recordingId(aceKey(query.ace_id));
      const summary = (await ledger.overview.summaries([id]))[0];
      if (summary === undefined) throw nothingCame();
      if (summary.recording.details['upload_id'] !== params.upload) await requireSameBytes(id, params.upload);
      const { recording, isPlayable, position } = summary;
      const { steps } = await planOf(recording);
      const { facts }: { facts: Readonly<Record<string, unknown>> } = await ledger.recordings.progress(id);
      const [video] = mainFirst(videosIn(facts));
      return {
        state: recording.state,
        stage: steps.find((step) => facts[step.id] === undefined)?.id ?? null,
        percent: recording.state === 'moving' ? percentOf(progressOf(id)) : null,
        position: position ?? null,
        playable: isPlayable,
        watch_url:
          watchUrl !== undefined && isPlayable && video !== undefined
            ? watchUrlOf(watchUrl, video, { ace_id: query.ace_id, id })
            : null,
        title: recording.title,
      };
    },
  );

  async function requireSameBytes(recordingId: string, uploadId: string): Promise<void> {
    const surplus = (await ledger.recordings.events(recordingId)).findLast(
      ({ type, data }) => type === 'upload.surplus' && data['upload_id'] === uploadId,
    );
    if (surplus === undefined) throw nothingCame();
    if (surplus.data['kept'] === false) return;
    throw new KnownError('Another upload of this recording was first', { code: 'UPLOAD_LEFT_OUT' });
  }
}

function nothingCame(): KnownError {
  return new KnownError('No recording has come of this upload', { code: 'NOT_FOUND' });
}

/** The address that the settings name, or that of the video itself where they name Bunny's and it is elsewhere. */
function watchUrlOf(template: string, video: VideoFact, of: { ace_id: string; id: string }): string {
  const isOfBunny = /\{(library|video)_id\}/.test(template);
  if (isOfBunny && !isInBunny(video)) return playUrl(video);
  const library = isInBunny(video) ? video.libraryId : '';
  return fillWatchUrl(template, { ...of, library_id: library, video_id: video.videoId });
}

/** The slowest way of the bytes is the one that counts. */
function percentOf(legs: ProgressMessage['legs'] | undefined): number | null {
  const shares = Object.values(legs ?? {}).map(({ doneBytes, totalBytes }) =>
    totalBytes > 0 ? doneBytes / totalBytes : 1,
  );
  return shares.length === 0 ? null : Math.min(100, Math.floor(Math.min(...shares) * 100));
}
