import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Query } from '../../desk/query.ts';
import { problems } from '../routes/problems.ts';
import { bytes, iso, isoOrNull } from './views.ts';

const uploadView = z
  .object({
    ace_id: z.string().nullable(),
    filename: z.string().nullable(),
    received_bytes: bytes,
    total_bytes: bytes,
    began_at: z.iso.datetime().nullable().describe('null: an older version has begun it'),
    last_byte_at: z.iso.datetime(),
  })
  // No id: whoever has it may go on with the upload.
  .meta({ id: 'UnfinishedUpload', description: 'An upload of a tutor that has not arrived as a whole' });

/** `GET /api/uploads`: what tutors have begun to upload and is not a recording yet. */
export function addUploadsApi(app: FastifyInstance, { uploads }: Pick<Query, 'uploads'>): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    '/api/uploads',
    {
      schema: {
        operationId: 'listUploads',
        tags: ['recordings'],
        summary: 'Unfinished uploads of tutors, the one that has had a byte last first',
        response: { 200: z.object({ uploads: z.array(uploadView) }), ...problems(401, 403) },
      },
    },
    async () => ({
      uploads: (await uploads()).map((upload) => ({
        ace_id: upload.aceId ?? null,
        filename: upload.filename ?? null,
        received_bytes: upload.receivedBytes,
        total_bytes: upload.totalBytes,
        began_at: isoOrNull(upload.beganAtMs),
        last_byte_at: iso(upload.lastByteAtMs),
      })),
    }),
  );
}
