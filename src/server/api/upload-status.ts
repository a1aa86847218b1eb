import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Query } from '../../desk/query.ts';
import { STATES } from '../../domain/recording.ts';
import { problems } from '../routes/problems.ts';

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
 * nobody can guess and only the uploader was told, is the permission to ask.
 */
export function addUploadStatus(app: FastifyInstance, { uploadStatus }: Pick<Query, 'uploadStatus'>): void {
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
      const { state, stage, percent, position, isPlayable, watchUrl, title } = await uploadStatus({
        aceId: query.ace_id,
        uploadId: params.upload,
      });
      return {
        state,
        stage: stage ?? null,
        percent: percent ?? null,
        position: position ?? null,
        playable: isPlayable,
        watch_url: watchUrl ?? null,
        title,
      };
    },
  );
}
