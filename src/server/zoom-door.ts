import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { STATES } from '../domain/recording.ts';
import type { ZoomAccount } from '../domain/zoom-account.ts';
import {
  RECORDING_EVENTS,
  REMOVAL_EVENTS,
  readRecordingEvent,
  readRemovalEvent,
  zoomEventShape,
} from '../domain/zoom-event.ts';
import { meetingGroup } from '../domain/zoom-meeting.ts';
import type { ZoomCheckOutcome } from '../ledger/zoom-checks.ts';
import type { ZoomLosses } from '../ledger/zoom-losses.ts';
import type { Line } from '../queue/line.ts';
import type { ZoomIntake } from '../queue/zoom-intake.ts';
import { addRawBodyRoute, singleHeader } from './raw-body.ts';
import { problems } from './views.ts';
import {
  answerChallenge,
  type Signatory,
  type SignedRequest,
  verifyZoomSignature,
} from './zoom-signature.ts';

const acceptedAnswer = z.object({
  accepted: z.array(z.object({ id: z.string(), state: z.enum(STATES), duplicate: z.boolean() })),
  ignored: z
    .union([z.string(), z.array(z.object({ recording_id: z.string().nullable(), reason: z.string() }))])
    .optional(),
  affected: z.array(z.string()).optional().describe('Recordings that an event about removed files lets move'),
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
  options: {
    intake: ZoomIntake;
    losses: ZoomLosses;
    line: Pick<Line, 'hurry'>;
    accounts: readonly ZoomAccount[];
    toleranceS: number;
    /** Hears how each check went. */
    onChecked?: ((outcome: ZoomCheckOutcome) => void) | undefined;
    now?: () => number;
  },
): void {
  const { intake, losses, line, accounts, toleranceS, onChecked = () => {}, now = Date.now } = options;

  const schema = {
    tags: ['doors'],
    summary: 'Webhooks of Zoom, signed',
    response: { 200: zoomAnswer, ...problems(400, 401, 413) },
  };
  addRawBodyRoute(app, { path: '/zoom-upload', maxBytes: MAX_BODY_BYTES, schema }, async (body, request) => {
    const timestamp = singleHeader(request, 'x-zm-request-timestamp');
    const signature = singleHeader(request, 'x-zm-signature');
    const signatories = check({ body, timestamp, signature });
    onChecked('valid');

    const event: unknown = JSON.parse(body.toString('utf8'));
    const known = zoomEventShape.safeParse(event);
    if (!known.success) {
      throw new KnownError('The body is not a Zoom event: it has no event name', { code: 'REQUEST_INVALID' });
    }
    const { event: type, payload } = known.data;
    if (type === 'endpoint.url_validation') {
      // By the secret that has signed the challenge: there may be an old one and a new one.
      return answerChallenge(payload['plainToken'], signatories[0].secret);
    }
    if (REMOVAL_EVENTS.includes(type)) return await followRemoval(event, type, signatories, request);
    if (!RECORDING_EVENTS.includes(type)) {
      request.log.info({ event: 'zoom.ignored', type }, 'event ignored');
      return { accepted: [], ignored: type };
    }
    return await takeRecordings(event, signatories, request);
  });

  function check(signed: SignedRequest) {
    try {
      return verifyZoomSignature(signed, { accounts, toleranceS, nowMs: now() });
    } catch (error) {
      onChecked(outcomeOf(error, signed));
      throw error;
    }
  }

  /** What waits for files that were removed is tried at once, and what has failed for want of them once they are back. */
  async function followRemoval(
    event: unknown,
    type: string,
    signatories: readonly Signatory[],
    request: FastifyRequest,
  ) {
    const read = readRemovalEvent(event);
    if (read.problem !== undefined) throw new KnownError(read.problem, { code: 'REQUEST_INVALID' });
    const { accountId, what, operator, meetings } = read.removal;
    if (accountOf(signatories, accountId) === undefined) return { accepted: [], ignored: 'unknown account' };

    const affected: string[] = [];
    for (const { uuid, fileIds } of meetings) {
      const removal = { groupKey: meetingGroup(uuid), fileIds, operator };
      affected.push(
        ...(what === 'recovered' ? await losses.recovered(removal) : await losses.removed(removal, what)),
      );
    }
    for (const id of affected) line.hurry(id);
    request.log.info({ event: `zoom.${what}`, meetings: meetings.length, affected: affected.length }, what);
    return affected.length === 0 ? { accepted: [], ignored: type } : { accepted: [], affected };
  }

  async function takeRecordings(event: unknown, signatories: readonly Signatory[], request: FastifyRequest) {
    const read = readRecordingEvent(event);
    if (read.problem !== undefined) throw new KnownError(read.problem, { code: 'REQUEST_INVALID' });
    const { announcement } = read;
    const { accountId } = announcement.meeting;

    const account = accountOf(signatories, accountId);
    if (account === undefined) {
      await intake.refuse(announcement, `the account ${accountId} is not the one whose secret signed this`);
      return { accepted: [], ignored: 'unknown account' };
    }
    const { accepted, ignored } = await intake.take(announcement, account.rules);
    request.log.debug({ event: 'zoom.taken', accepted: accepted.length, ignored: ignored.length }, 'taken');
    return {
      accepted: accepted.map(({ id, state, isDuplicate }) => ({ id, state, duplicate: isDuplicate })),
      ...(ignored.length === 0
        ? {}
        : { ignored: ignored.map(({ file, reason }) => ({ recording_id: file.id, reason })) }),
    };
  }
}

/** The account that an event is about, if it is one that can have signed it. */
function accountOf(signatories: readonly Signatory[], accountId: string | null): ZoomAccount | undefined {
  const able = signatories.map(({ account }) => account);
  const named = able.find(({ id }) => id !== null && id === accountId);
  if (named !== undefined) return named;
  // Where one account is served, and nobody said which, its secret says enough; so it does of an event that names none.
  return able.find(({ id }) => id === null) ?? (accountId === null ? able[0] : undefined);
}

/** What a refused request tells people: it may be Zoom's, or anybody's who knows this address. */
function outcomeOf(error: unknown, { body, signature }: SignedRequest): ZoomCheckOutcome {
  if (!/^v0=[\da-f]{64}$/i.test(signature ?? '')) return 'unsigned';
  if (error instanceof KnownError && error.code === 'SIGNATURE_STALE') return 'stale';
  return body.includes('"endpoint.url_validation"') ? 'validation-refused' : 'invalid';
}
