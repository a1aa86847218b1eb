import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Line } from '../../queue/line.ts';
import { actorOf } from '../access/operators.ts';
import { problems } from '../routes/problems.ts';
import type { Status } from './status.ts';
import { deliveryView, statusView, viewDelivery } from './views.ts';

/** How many announcements are read at once. */
const PAGE = 200;

/**
 * How this installation stands, and what an operator can switch: `GET /api/status`, `POST /api/line/pause` and
 * `/resume`, `POST /api/deliveries/{id}/replay`, `POST /api/site/listens` (the website that answered 410 is back).
 */
export function addControlsApi(
  app: FastifyInstance,
  options: {
    ledger: Pick<Ledger, 'switches' | 'deliveries'>;
    status: Status;
    lines: Readonly<Record<'deliveries' | 'runWebhooks', Pick<Line, 'hurry'>>>;
  },
): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  const { switches, deliveries } = options.ledger;
  const pausedAnswer = { 200: z.object({ paused: z.boolean() }), ...problems(403) };

  api.get(
    '/api/status',
    {
      schema: {
        tags: ['line'],
        operationId: 'getStatus',
        summary: 'How the line, the disk and the services stand',
        response: { 200: statusView, ...problems(403) },
      },
    },
    () => options.status.read(),
  );

  api.post(
    '/api/line/pause',
    {
      schema: {
        operationId: 'pauseLine',
        tags: ['line'],
        summary: 'Let no recording begin to move',
        response: pausedAnswer,
      },
    },
    async (request) => {
      await switches.set('line.paused', `by ${actorOf(request)}`);
      return { paused: true };
    },
  );

  api.post(
    '/api/line/resume',
    {
      schema: {
        operationId: 'resumeLine',
        tags: ['line'],
        summary: 'Let recordings move again',
        response: pausedAnswer,
      },
    },
    async () => {
      await switches.clear('line.paused');
      return { paused: false };
    },
  );

  api.post(
    '/api/site/listens',
    {
      schema: {
        tags: ['announcements'],
        operationId: 'tellWebsiteAgain',
        summary: 'The website that answered 410 wants to hear again',
        response: { 200: z.object({ site_gone: z.null() }), ...problems(403) },
      },
    },
    async () => {
      await switches.clear('site.gone');
      for (let afterSeq = 0; ; ) {
        const page = await deliveries.pending(afterSeq, PAGE);
        for (const { id } of page) await replay(id);
        afterSeq = page.at(-1)?.seq ?? afterSeq;
        if (page.length < PAGE) break;
      }
      return { site_gone: null };
    },
  );

  api.get(
    '/api/deliveries/given-up',
    {
      schema: {
        tags: ['announcements'],
        operationId: 'listGivenUpDeliveries',
        summary: 'Announcements that were given up, the newest first: the website has not heard of these',
        querystring: z.object({ limit: z.coerce.number().int().min(1).max(200).default(50) }),
        response: {
          200: z.object({ deliveries: z.array(deliveryView.extend({ recording_id: z.string() })) }),
          ...problems(400, 401, 403),
        },
      },
    },
    async ({ query }) => ({
      deliveries: (await deliveries.givenUp(query.limit)).map((delivery) => ({
        ...viewDelivery(delivery),
        recording_id: delivery.recordingId,
      })),
    }),
  );

  api.post(
    '/api/deliveries/:id/replay',
    {
      schema: {
        tags: ['announcements'],
        operationId: 'replayDelivery',
        summary: 'Send an announcement again, with its id and body',
        params: z.object({ id: z.string() }),
        response: { 200: z.object({ id: z.string(), state: z.literal('pending') }), ...problems(403, 404) },
      },
    },
    async ({ params: { id } }) => {
      if (!(await replay(id))) throw new KnownError(`There is no delivery ${id}`, { code: 'NOT_FOUND' });
      return { id, state: 'pending' as const };
    },
  );

  async function replay(id: string): Promise<boolean> {
    const isKnown = await deliveries.replay(id);
    const url = (await deliveries.get(id))?.url ?? null;
    if (isKnown) (url === null ? options.lines.deliveries : options.lines.runWebhooks).hurry(id);
    return isKnown;
  }
}
