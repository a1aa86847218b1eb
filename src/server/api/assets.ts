import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { AssetPlayers, MadeBytes } from '../../desk/asset-players.ts';
import type { Library } from '../../desk/library.ts';
import { KnownError } from '../../domain/errors.ts';
import { problems } from '../routes/problems.ts';
import { FILE_ANSWER, sendBytes } from '../routes/send-bytes.ts';
import { watchedTypeOf } from '../watch/watch-files.ts';

const id = z.string().max(100);

/**
 * What a browser shows of an asset, for whoever looks at the library: `GET /api/assets/{id}/file`, which it plays by ranges,
 * `…/poster`, and `…/made/{run}/{step}/{name}`, what else was made to show it by.
 */
export function addAssetsApi(
  app: FastifyInstance,
  {
    library,
    players,
  }: { readonly library: Pick<Library, 'fileOf'>; readonly players: Pick<AssetPlayers, 'posterOf' | 'file'> },
): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.get(
    '/api/assets/:id/file',
    {
      schema: {
        tags: ['recordings'],
        operationId: 'readAssetFile',
        summary: 'The file of an asset below MEDIA_IN, as it is, or ranges of it',
        params: z.object({ id }),
        response: {
          200: FILE_ANSWER,
          ...problems(400, 401, 404, 503),
        },
      },
    },
    async (request, reply) => {
      const file = await library.fileOf(request.params.id, AbortSignal.timeout(LOOK_MS));
      reply.headers({ ...SHOWN, 'content-type': file.mediaType });
      return await sendBytes(request, reply, {
        look: async () => file,
        open: (fromByte, signal) => file.read({ fromByte, signal }),
      });
    },
  );

  routes.get(
    '/api/assets/:id/poster',
    {
      config: { limit: 'viewer' },
      schema: {
        tags: ['recordings'],
        operationId: 'readAssetPoster',
        summary: 'The newest picture that was made of an asset, wherever it lies',
        params: z.object({ id }),
        response: {
          200: { description: 'The picture', content: { 'image/*': { schema: z.string() } } },
          ...problems(400, 401, 404, 503),
        },
      },
    },
    async (request, reply) => sendMade(request, reply, await players.posterOf(request.params.id)),
  );

  routes.get(
    '/api/assets/:id/made/:run/:step/:name',
    {
      config: { limit: 'viewer' },
      schema: {
        tags: ['recordings'],
        operationId: 'readAssetOutput',
        summary:
          'What a run has made of an asset to show it by: pictures, their times, a waveform, a package',
        description: 'Addresses of these are what GraphQL tells as `player` of an asset.',
        params: z.object({ id, run: id, step: id, name: z.string().max(500) }),
        response: {
          200: FILE_ANSWER,
          ...problems(400, 401, 404, 503),
        },
      },
    },
    async (request, reply) => {
      const { id: assetId, run: runId, step, name } = request.params;
      return sendMade(request, reply, await players.file({ assetId, runId, step, name }), name);
    },
  );
}

/** How long it is waited for a word of where the file lies, in milliseconds. */
const LOOK_MS = 15_000;

const SHOWN = {
  'cache-control': 'private, no-cache',
  'x-content-type-options': 'nosniff',
  // Whatever it is, it is shown and never run.
  'content-security-policy': "default-src 'none'; sandbox",
};

/** Captions may have come to what names others, which then is another one under the same tag. */
const CHANGING = /\.(m3u8|mpd)$/;

/** @throws KnownError `NOT_FOUND` */
async function sendMade(
  request: FastifyRequest,
  reply: FastifyReply,
  { mediaType, tag, look, open }: MadeBytes,
  name = '',
): Promise<FastifyReply> {
  const type = mediaType ?? watchedTypeOf(name);
  if (type === undefined) throw new KnownError('There is no such file', { code: 'NOT_FOUND' });
  reply.headers({ ...SHOWN, 'content-type': type });
  if (CHANGING.test(name)) return await sendBytes(request, reply, { look, open });
  const etag = `"${tag}"`;
  void reply.header('etag', etag);
  if (request.headers['if-none-match']?.includes(etag)) return reply.code(304).send();
  try {
    return await sendBytes(request, reply, { look, open });
  } catch (error) {
    // A refusal is not to be kept as if it were the file.
    void reply.removeHeader('etag');
    throw error;
  }
}
