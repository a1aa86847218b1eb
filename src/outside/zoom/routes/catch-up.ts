import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { KnownError } from '../../../domain/errors.ts';
import { RECORDING_KINDS, STATES } from '../../../domain/recording.ts';
import { problems } from '../../../server/routes/problems.ts';
import type { ZoomCatchUp } from '../catch-up.ts';
import { aboutMeeting } from '../meeting.ts';
import { readZoomReference } from '../reference.ts';
import { dayOf, type SearchPosition } from '../search.ts';

const meetingFields = {
  meeting_uuid: z.string(),
  meeting_id: z.string(),
  topic: z.string(),
  host_email: z.string().nullable(),
  start_time: z.string().nullable(),
};

const day = z.iso.date().describe('A day in UTC, such as 2026-01-31');

const ingestBody = z
  .object({
    meeting: z
      .string()
      .trim()
      .min(1)
      .max(2000)
      .describe('UUID or number of a meeting, or a link to its recording; of a number the latest recording'),
    account: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .optional()
      .describe('Only of this account; default: the first that has it'),
  })
  .meta({ examples: [{ meeting: '4444AAAiAAAAAiAiAiiAii==' }] });

const ingestAnswer = z.object({
  ...meetingFields,
  accepted: z.array(z.object({ id: z.string(), state: z.enum(STATES), duplicate: z.boolean() })),
  ignored: z.array(
    z.object({
      recording_id: z.string().nullable(),
      recording_type: z.string(),
      reason: z.string(),
      why: z.string(),
    }),
  ),
});

const backfillBody = z
  .object({
    from: day,
    to: day.optional().describe('Included; default today'),
    host: z.string().trim().min(1).max(200).optional().describe('Only of this host: an e-mail address or id'),
    account: z.string().trim().min(1).max(200).optional().describe('Only of this account'),
    dry_run: z.boolean().default(false).describe('Says what would come, and takes nothing'),
    cursor: z.string().max(4000).optional().describe('`next_cursor` of the answer before'),
  })
  .meta({ examples: [{ from: '2026-10-01', to: '2026-10-31', dry_run: true }] });

const backfillAnswer = z.object({
  from: day,
  to: day,
  account: z.string().nullable(),
  meetings_seen: z.int().describe('How many Zoom has told of in this step'),
  missing: z
    .array(
      z.object({
        ...meetingFields,
        recordings: z.array(
          z.object({
            id: z.string(),
            title: z.string(),
            kind: z.enum(RECORDING_KINDS),
            bytes: z.int().nonnegative().nullable(),
          }),
        ),
      }),
    )
    .describe('What was not here; unless it is a dry run, it is now in line, behind all that is new'),
  untold: z
    .array(z.object({ host: z.string().nullable(), reason: z.string(), why: z.string() }))
    .describe('What Zoom refused to tell in this step, or not in words that can be read; the rest goes on'),
  next_cursor: z.string().nullable().describe('null: all is looked through'),
});

const positionShape = z.object({
  account: z.int().nonnegative(),
  to: z.iso.date(),
  userId: z.string().optional(),
  page: z.string().optional(),
});

/**
 * What no event has brought: `POST /api/zoom/ingest` takes one meeting in, `POST /api/zoom/backfill` many, one step of
 * a search per call. Both may be repeated at any time.
 */
export function addZoomCatchUpApi(app: FastifyInstance, catchUp: Pick<ZoomCatchUp, 'ingest' | 'step'>): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  const ending = new AbortController();
  app.addHook('preClose', async () => ending.abort());

  api.post(
    '/api/zoom/ingest',
    {
      schema: {
        tags: ['zoom'],
        operationId: 'ingestMeeting',
        summary: 'Bring one recorded meeting home that no event has brought',
        body: ingestBody,
        response: { 200: ingestAnswer, ...problems(400, 403, 404, 409, 502, 503) },
      },
    },
    async ({ body }) => {
      const reference = readZoomReference(body.meeting);
      if (reference === undefined) {
        throw new KnownError(
          'meeting: is neither the UUID nor the number of a meeting, nor a link to a recording of Zoom',
          { code: 'REQUEST_INVALID' },
        );
      }
      const { meeting, taken } = await catchUp.ingest(reference, ending.signal, body.account);
      return {
        ...aboutMeeting(meeting),
        accepted: taken.accepted.map(({ id, state, isDuplicate }) => ({ id, state, duplicate: isDuplicate })),
        ignored: taken.ignored.map(({ file, reason, why }) => ({
          recording_id: file.id,
          recording_type: file.recordingType,
          reason,
          why,
        })),
      };
    },
  );

  api.post(
    '/api/zoom/backfill',
    {
      schema: {
        tags: ['zoom'],
        operationId: 'backfill',
        summary: 'Bring home what was recorded in some days and is not here, one step per call',
        body: backfillBody,
        response: { 200: backfillAnswer, ...problems(400, 403, 409, 502, 503) },
      },
    },
    async ({ body }) => {
      const { from, to = dayOf(Date.now()), host, account: accountId, dry_run: isDryRun, cursor } = body;
      if (from > to) throw new KnownError('from: is after to', { code: 'REQUEST_INVALID' });
      const position = cursor === undefined ? undefined : readCursor(cursor);
      const terms = { from, to, host, accountId };
      const step = await catchUp.step(terms, { position, foundBy: 'backfill', isDryRun }, ending.signal);
      return {
        from: step.from,
        to: step.to,
        account: step.accountId,
        meetings_seen: step.meetings,
        missing: step.missing.map(({ meeting, expected }) => ({
          ...aboutMeeting(meeting),
          recordings: [...expected],
        })),
        untold: step.untold.map(({ host, reason, why }) => ({ host, reason, why })),
        next_cursor: step.next === undefined ? null : toCursor(step.next),
      };
    },
  );
}

function toCursor(position: SearchPosition): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

function readCursor(cursor: string): SearchPosition {
  try {
    return positionShape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new KnownError('cursor: is not one of this server', { code: 'REQUEST_INVALID', cause });
  }
}
