import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Library } from '../../desk/library.ts';
import { problems } from '../routes/problems.ts';
import { sendBytes } from '../routes/send-bytes.ts';

/** `GET /api/assets/{id}/file`: the file of an asset, for whoever looks at the library; a browser plays it by ranges. */
export function addAssetsApi(app: FastifyInstance, library: Pick<Library, 'fileOf'>): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    '/api/assets/:id/file',
    {
      schema: {
        tags: ['recordings'],
        operationId: 'readAssetFile',
        summary: 'The file of an asset below MEDIA_IN, as it is, or ranges of it',
        params: z.object({ id: z.string().max(100) }),
        response: {
          200: {
            description: 'The file; 206 with a range of it',
            content: { 'application/octet-stream': { schema: z.string() } },
          },
          ...problems(400, 401, 404, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const file = await library.fileOf(id, AbortSignal.timeout(LOOK_MS));
      reply.headers({
        'content-type': file.mediaType,
        'cache-control': 'private, no-cache',
        'x-content-type-options': 'nosniff',
        // Whatever it is, it is shown and never run.
        'content-security-policy': "default-src 'none'; sandbox",
      });
      return await sendBytes(request, reply, {
        look: async () => file,
        open: (fromByte, signal) => file.read({ fromByte, signal }),
      });
    },
  );
}

/** How long it is waited for a word of where the file lies, in milliseconds. */
const LOOK_MS = 15_000;
