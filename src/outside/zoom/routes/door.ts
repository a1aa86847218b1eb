import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { KnownError } from '../../../domain/errors.ts';
import { STATES } from '../../../domain/recording.ts';
import { wallMs } from '../../../lib/wall-time.ts';
import { problems } from '../../../server/routes/problems.ts';
import { addRawBodyRoute, singleHeader } from '../../../server/routes/raw-body.ts';
import type { ZoomAccount } from '../account.ts';
import { RECORDING_EVENTS, REMOVAL_EVENTS, readRecordingEvent, readRemovalEvent } from '../event.ts';
import type { ZoomIntake } from '../intake.ts';
import { isRaw, meetingGroup, textIn } from '../meeting.ts';
import { answerChallenge, type Signatory, type SignedRequest, verifyZoomSignature } from '../signature.ts';
import type { ZoomCheckOutcome } from '../tables/checks.ts';
import type { ZoomLosses } from '../tables/losses.ts';

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

export interface ZoomDoorOptions {
  readonly intake: ZoomIntake;
  readonly losses: ZoomLosses;
  /** Has a recording that can move again do so, as soon as it is its turn. */
  readonly hurry: (recordingId: string) => void;
  readonly accounts: readonly ZoomAccount[];
  readonly toleranceS: number;
  /** Hears how each check went. */
  readonly onChecked?: ((outcome: ZoomCheckOutcome) => void) | undefined;
  readonly now?: () => number;
}

/** An event that Zoom has signed. */
interface Told {
  readonly event: unknown;
  readonly type: string;
  readonly signatories: readonly Signatory[];
  readonly request: FastifyRequest;
  readonly sentAtMs: number;
}

/** The largest webhook that is read, in bytes; real ones have a few thousand. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * `POST /zoom-upload`: Zoom's webhooks.
 *
 * Zoom wants an answer within 3 s and sends again on 5xx only, so what it has signed and is JSON is a 200: also what is of
 * no interest, what came before, and what nobody can read, which is noted. Only what may heal is a 5xx. Nothing here waits
 * for the queue or the network, nor one meeting for another.
 */
export function addZoomDoor(app: FastifyInstance, options: ZoomDoorOptions): void {
  const { intake, losses, hurry, accounts, toleranceS, onChecked = () => {}, now = wallMs } = options;

  const schema = {
    tags: ['doors'],
    security: [{ zoomSignature: [] }],
    operationId: 'receiveZoomEvent',
    summary: 'Webhooks of Zoom, signed',
    response: { 200: zoomAnswer, ...problems(400, 401, 413) },
  };
  addRawBodyRoute(app, { path: '/zoom-upload', maxBytes: MAX_BODY_BYTES, schema }, async (body, request) => {
    const timestamp = singleHeader(request, 'x-zm-request-timestamp');
    const signature = singleHeader(request, 'x-zm-signature');
    const signatories = check({ body, timestamp, signature });
    onChecked('valid');

    const event: unknown = JSON.parse(body.toString('utf8').replace(/^\uFEFF/, ''));
    const type = isRaw(event) ? textIn(event['event']) : null;
    if (!isRaw(event) || type === null) return await leaveUnread(event, '', 'it has no event name');
    if (type === 'endpoint.url_validation') {
      const payload = isRaw(event['payload']) ? event['payload'] : {};
      // By the secret that has signed the challenge: there may be an old one and a new one.
      return answerChallenge(payload['plainToken'], signatories[0].secret);
    }
    const told: Told = { event, type, signatories, request, sentAtMs: sentAt(timestamp) };
    if (REMOVAL_EVENTS.includes(type)) return await followRemoval(told);
    if (RECORDING_EVENTS.includes(type)) return await takeRecordings(told);
    request.log.info({ event: 'zoom.ignored', type }, 'event ignored');
    return { accepted: [], ignored: type };
  });

  /** When Zoom sent a request, by what it has signed, which says it to the second. */
  function sentAt(timestamp: string | undefined): number {
    const nowMs = now();
    return Math.min(nowMs, timestamp === undefined ? nowMs : Number(timestamp) * 1000 + 999);
  }

  /** What comes from Zoom and cannot be read will not be sent again, so people have to hear of it. */
  async function leaveUnread(event: unknown, type: string, why: string) {
    await intake.leaveUnread({ event, type, why });
    return { accepted: [], ignored: 'unreadable' };
  }

  function check(signed: SignedRequest) {
    try {
      return verifyZoomSignature(signed, { accounts, toleranceS, nowMs: now() });
    } catch (error) {
      onChecked(outcomeOf(error, signed));
      throw error;
    }
  }

  /** What waits for files that were removed is tried at once, and what has failed for want of them once they are back. */
  async function followRemoval({ event, type, signatories, request, sentAtMs }: Told) {
    const read = readRemovalEvent(event, sentAtMs);
    if (read.problem !== undefined) return await leaveUnread(event, type, read.problem);
    const { accountId, what, atMs, operator, meetings } = read.removal;
    if (accountOf(signatories, accountId) === undefined) return { accepted: [], ignored: 'unknown account' };

    const affected: string[] = [];
    for (const { uuid, fileIds } of meetings) {
      const removal = { groupKey: meetingGroup(uuid), fileIds, operator, atMs };
      affected.push(
        ...(what === 'recovered' ? await losses.recovered(removal) : await losses.removed(removal, what)),
      );
    }
    for (const id of affected) hurry(id);
    request.log.info({ event: `zoom.${what}`, meetings: meetings.length, affected: affected.length }, what);
    return affected.length === 0 ? { accepted: [], ignored: type } : { accepted: [], affected };
  }

  async function takeRecordings({ event, type, signatories, request, sentAtMs }: Told) {
    const read = readRecordingEvent(event, sentAtMs);
    if (read.problem !== undefined) return await leaveUnread(event, type, read.problem);
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
