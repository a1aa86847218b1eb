import { createHmac } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';
import type { Watches } from '../../ledger/watches.ts';
import { isSameText } from '../../lib/constant-time.ts';
import type { Line } from '../../queue/line.ts';
import { problems } from '../api/views.ts';
import { addRawBodyRoute, singleHeader } from './raw-body.ts';

const MAX_BODY_BYTES = 64 * 1024;

const eventShape = z.object({ VideoGuid: z.string(), Status: z.number() });

/**
 * `POST /bunny-webhook`: Bunny Stream says that something has happened to a video. It only makes us look sooner: what
 * is true is what Bunny's API says.
 */
export function addBunnyWebhook(
  app: FastifyInstance,
  options: { watches: Pick<Watches, 'hurry'>; line: Pick<Line, 'hurry'>; readOnlyApiKey: string | undefined },
): void {
  const { watches, line, readOnlyApiKey } = options;

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
      const isWatched = await watches.hurry(videoId);
      if (isWatched) line.hurry(videoId);
      return { watched: isWatched };
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
