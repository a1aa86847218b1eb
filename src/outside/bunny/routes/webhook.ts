import { createHmac } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { KnownError } from '../../../domain/errors.ts';
import { isSameText } from '../../../lib/constant-time.ts';
import { problems } from '../../../server/routes/problems.ts';
import { addRawBodyRoute, singleHeader } from '../../../server/routes/raw-body.ts';
import type { WingRoutes } from '../../../server/routes/wing-routes.ts';

const MAX_BODY_BYTES = 64 * 1024;

const eventShape = z.object({ VideoGuid: z.string(), Status: z.number() });

export interface BunnyRoutesOptions {
  /** Has a video looked at now; `false` if it is not watched, or playable already. */
  readonly lookAtVideo: (videoId: string) => Promise<boolean>;
  /** Read-Only API key of the library, with which its webhooks are signed. */
  readonly readOnlyApiKey: string | undefined;
}

/** Bunny's door. */
export function bunnyRoutes(options: BunnyRoutesOptions): WingRoutes {
  return {
    signatures: {
      bunnySignature: {
        type: 'apiKey',
        in: 'header',
        name: 'x-bunnystream-signature',
        description: 'Bunny’s signature of the body, with the Read-Only API key of the library',
      },
    },
    addTo: (app) => addBunnyWebhook(app, options),
  };
}

/**
 * `POST /bunny-webhook`: Bunny Stream says that something has happened to a video. It only makes us look sooner: what
 * is true is what Bunny's API says.
 */
function addBunnyWebhook(app: FastifyInstance, { lookAtVideo, readOnlyApiKey }: BunnyRoutesOptions): void {
  const schema = {
    tags: ['doors'],
    security: [{ bunnySignature: [] }],
    operationId: 'receiveBunnyEvent',
    summary: 'Webhooks of Bunny Stream, signed: something has happened to a video',
    response: { 200: z.object({ watched: z.boolean() }), ...problems(400, 401, 413) },
  };
  addRawBodyRoute(
    app,
    { path: '/bunny-webhook', maxBytes: MAX_BODY_BYTES, schema },
    async (body, request) => {
      verify(body, singleHeader(request, 'x-bunnystream-signature'), readOnlyApiKey);
      const event = eventShape.safeParse(JSON.parse(body.toString('utf8')));
      if (!event.success) {
        throw new KnownError('The body is not an event of Bunny Stream', { code: 'REQUEST_INVALID' });
      }
      const { VideoGuid: videoId } = event.data;
      return { watched: await lookAtVideo(videoId) };
    },
  );
}

/** The signature is an HMAC-SHA256 of the body in hex, with the library's Read-Only API key (Bunny, Stream webhooks). */
function verify(body: Buffer, signature: string | undefined, key: string | undefined): void {
  const expected = createHmac('sha256', key ?? '')
    .update(body)
    .digest('hex');
  if (key === undefined || !isSameText(signature ?? '', expected)) {
    const why =
      key === undefined ? 'BUNNY_READ_ONLY_API_KEY is not set' : 'the signature does not fit the body';
    throw new KnownError(`The webhook cannot be trusted: ${why}`, { code: 'BUNNY_SIGNATURE_INVALID' });
  }
}
