import type { FastifyInstance } from 'fastify';
import { KnownError } from '../domain/errors.ts';
import type { Intake } from '../queue/intake.ts';
import { recordingsOf, zoomEventShape } from './zoom-event.ts';
import { answerChallenge, verifyZoomSignature } from './zoom-signature.ts';

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

  app.register((scope, _options, registered) => {
    // The signature covers the bytes as they came.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

    scope.post<{ Body: Buffer | undefined }>(
      '/zoom-upload',
      { bodyLimit: MAX_BODY_BYTES },
      async (request) => {
        const body = request.body ?? Buffer.alloc(0);
        verifyZoomSignature(
          {
            body,
            timestamp: header(request.headers, 'x-zm-request-timestamp'),
            signature: header(request.headers, 'x-zm-signature'),
          },
          { secretToken, toleranceS, nowMs: now() },
        );

        const event = parse(body);
        const { event: type, payload } = zoomEventShape.parse(event);
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
      },
    );
    registered();
  });
}

function parse(body: Buffer): unknown {
  let event: unknown;
  try {
    event = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new KnownError('The body is not JSON', { code: 'REQUEST_INVALID', cause });
  }
  if (!zoomEventShape.safeParse(event).success) {
    throw new KnownError('The body is not a Zoom event: it has no event name', { code: 'REQUEST_INVALID' });
  }
  return event;
}

function header(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  name: string,
): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? undefined : value;
}
