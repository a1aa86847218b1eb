import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { KnownError } from '../../../domain/errors.ts';
import { STATES } from '../../../domain/recording.ts';
import { sha256 } from '../../../lib/digest.ts';
import { problems } from '../../../server/routes/problems.ts';
import type { ZoomCatchUp } from '../catch-up.ts';
import type { Ignored, ZoomIgnored } from '../tables/ignored.ts';

/** As many as are kept. */
const MOST = 1000;

/** Why a file was left that somebody may want all the same; of the others there is nothing to bring. */
const WANTABLE = ['rule', 'another-view', 'not-wanted', 'too-short', 'processing', 'no-address', 'empty'];

const ignoredView = z
  .looseObject({
    id: z.string(),
    reason: z.string(),
    why: z.string(),
    rule: z.string().nullable(),
    event: z.string(),
    account_id: z.string().nullable(),
    first_at: z.iso.datetime(),
    last_at: z.iso.datetime(),
    times: z.int().describe('How often it was announced'),
    can_bring: z.boolean().describe('Whether it is a file that may be brought home after all'),
  })
  .meta({ id: 'Ignored', description: 'Something that was left with Zoom' });
export type IgnoredView = z.output<typeof ignoredView>;

/**
 * `GET /api/zoom/ignored`: what was left with Zoom, newest first, and by which rule or for what other reason; and
 * `POST /api/zoom/ignored/{id}/bring`, which brings one of it home after all.
 */
export function addZoomApi(
  app: FastifyInstance,
  options: { ignored: Pick<ZoomIgnored, 'newest'>; catchUp: Pick<ZoomCatchUp, 'bring'> },
): void {
  const { ignored, catchUp } = options;
  const api = app.withTypeProvider<ZodTypeProvider>();
  const ending = new AbortController();
  app.addHook('preClose', async () => ending.abort());

  const limit = z.coerce.number().int().min(1).max(MOST).default(100);
  const schema = {
    operationId: 'listIgnored',
    tags: ['zoom'],
    summary: 'What was left with Zoom, and why, newest first',
    querystring: z.object({ limit }),
    response: { 200: z.object({ ignored: z.array(ignoredView) }), ...problems(400, 403) },
  };

  api.get('/api/zoom/ignored', { schema }, async (request) => ({
    ignored: (await ignored.newest(request.query.limit)).map(viewIgnored),
  }));

  api.post(
    '/api/zoom/ignored/:id/bring',
    {
      schema: {
        operationId: 'bringIgnored',
        tags: ['zoom'],
        summary: 'Bring home after all what was left with Zoom, though a rule or a setting says otherwise',
        params: z.object({ id: z.string() }),
        response: {
          200: z.object({ id: z.string(), state: z.enum(STATES), duplicate: z.boolean() }),
          ...problems(403, 404, 409, 502, 503),
        },
      },
    },
    async ({ params: { id } }) => {
      const left = (await ignored.newest(MOST)).find((each) => idOf(each) === id);
      const meetingUuid = left?.what['meeting_uuid'];
      if (left === undefined || !canBring(left) || typeof meetingUuid !== 'string') {
        throw new KnownError(`Nothing that could be brought home was left as ${id}`, { code: 'NOT_FOUND' });
      }
      const {
        id: recordingId,
        state,
        isDuplicate,
      } = await catchUp.bring({ meetingUuid, key: left.key }, ending.signal);
      return { id: recordingId, state, duplicate: isDuplicate };
    },
  );
}

function viewIgnored(entry: Ignored): IgnoredView {
  return {
    id: idOf(entry),
    reason: entry.reason,
    why: entry.why,
    rule: entry.rule,
    event: entry.event,
    account_id: entry.accountId,
    ...entry.what,
    first_at: new Date(entry.firstAtMs).toISOString(),
    last_at: new Date(entry.lastAtMs).toISOString(),
    times: entry.times,
    can_bring: canBring(entry),
  };
}

/** A name for it that fits into an address, the same each time it is announced. */
function idOf({ reason, key }: Pick<Ignored, 'reason' | 'key'>): string {
  return `left_${sha256(`${reason} ${key}`).slice(0, 24)}`;
}

function canBring({ reason, what }: Ignored): boolean {
  return (
    WANTABLE.includes(reason) &&
    typeof what['meeting_uuid'] === 'string' &&
    what['recording_type'] !== undefined
  );
}
