import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Control } from '../../desk/control.ts';
import type { Query } from '../../desk/query.ts';
import { actorOf } from '../access/operators.ts';
import { problems } from '../routes/problems.ts';
import { statusViewOf, viewStatus } from './status.ts';
import { deliveryView, viewDelivery } from './views.ts';

/**
 * How this installation stands, and what an operator can switch: `GET /api/status`, `POST /api/line/pause` and
 * `/resume`, `POST /api/deliveries/{id}/replay`, `POST /api/site/listens` (the website that answered 410 is back).
 */
export function addControlsApi(
  app: FastifyInstance,
  { query, control }: { query: Pick<Query, 'status' | 'deliveries' | 'words'>; control: Control },
): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  const pausedAnswer = { 200: z.object({ paused: z.boolean() }), ...problems(403) };

  api.get(
    '/api/status',
    {
      schema: {
        tags: ['line'],
        operationId: 'getStatus',
        summary: 'How the line, the disk and the services stand',
        response: { 200: statusViewOf(query.words), ...problems(403) },
      },
    },
    async () => viewStatus(await query.status.read()),
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
      await control.as(actorOf(request)).pauseLine();
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
      await control.resumeLine();
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
      await control.tellSiteAgain();
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
    async ({ query: { limit } }) => ({
      deliveries: (await query.deliveries.givenUp(limit)).map((delivery) => ({
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
      await control.replay(id);
      return { id, state: 'pending' as const };
    },
  );
}
