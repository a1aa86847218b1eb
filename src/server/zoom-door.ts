import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { STATES } from '../domain/recording.ts';
import type { Intake } from '../queue/intake.ts';
import { addRawBodyRoute, singleHeader } from './raw-body.ts';
import { problems } from './views.ts';
import { recordingsOf, zoomEventShape } from './zoom-event.ts';
import { answerChallenge, verifyZoomSignature } from './zoom-signature.ts';

const acceptedAnswer = z.object({
  accepted: z.array(z.object({ id: z.string(), state: z.enum(STATES), duplicate: z.boolean() })),
  ignored: z.string().optional(),
});

const zoomAnswer = z.union([
  acceptedAnswer,
  z.object({ plainToken: z.string(), encryptedToken: z.string() }),
]);

/** The largest webhook that is read, in bytes; real ones have a few thousand. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * `POST /zoom-upload`: Zoom's webhooks.
 *
 * Zoom wants an answer within 3 s and sends again on 5xx only, so everything that is understood is a 200, also what is
 * of no interest and what came before; nothing here waits for the queue or the network.
 */
export function addZoomDoor(
  app: FastifyInstance,
  options: { intake: Intake; secretToken: string; toleranceS: number; now?: () => number },
): void {
  const { intake, secretToken, toleranceS, now = Date.now } = options;

  const schema = {
    tags: ['doors'],
    summary: 'Webhooks of Zoom, signed',
    response: { 200: zoomAnswer, ...problems(400, 401, 413) },
  };
  addRawBodyRoute(app, { path: '/zoom-upload', maxBytes: MAX_BODY_BYTES, schema }, async (body, request) => {
    const timestamp = singleHeader(request, 'x-zm-request-timestamp');
    const signature = singleHeader(request, 'x-zm-signature');
    verifyZoomSignature({ body, timestamp, signature }, { secretToken, toleranceS, nowMs: now() });

    const event: unknown = JSON.parse(body.toString('utf8'));
    const known = zoomEventShape.safeParse(event);
    if (!known.success) {
      throw new KnownError('The body is not a Zoom event: it has no event name', { code: 'REQUEST_INVALID' });
    }
    const { event: type, payload } = known.data;
    if (type === 'endpoint.url_validation') return answerChallenge(payload['plainToken'], secretToken);
    if (type !== 'recording.completed') {
      request.log.info({ event: 'zoom.ignored', type }, 'event ignored');
      return { accepted: [], ignored: type };
    }

    const found = recordingsOf(event);
    if (found.problem !== undefined) throw new KnownError(found.problem, { code: 'REQUEST_INVALID' });
    const accepted = [];
    for (const recording of found.recordings) {
      const { id, state, isDuplicate } = await intake.accept(recording);
      accepted.push({ id, state, duplicate: isDuplicate });
    }
    return { accepted };
  });
}
