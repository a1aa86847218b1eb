import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Query } from '../../desk/query.ts';
import type { DeliveryAttempt } from '../../domain/delivery.ts';
import { problems } from '../routes/problems.ts';
import { deliveryView, iso, viewDelivery } from './views.ts';

const listedView = deliveryView.extend({
  recording_id: z.string(),
  title: z.string().describe('Of its recording'),
});

const attemptView = z
  .object({
    at: z.iso.datetime(),
    took_ms: z.int(),
    headers: z.record(z.string(), z.string()).describe('That were sent with it; the signature is not kept'),
    status: z.int().nullable().describe('null: there was no answer'),
    answer: z.string().nullable().describe('The first 1024 characters of it'),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'DeliveryAttempt' });

const detailView = listedView
  .extend({
    body: z.string().describe('As it was and is sent, the same each time'),
    tries: z.array(attemptView).describe('The last 20, the last one first'),
  })
  .meta({ id: 'DeliveryDetail', description: 'An announcement with what was sent and answered' });
export type ListedDelivery = z.output<typeof listedView>;
export type DeliveryDetail = z.output<typeof detailView>;

/** `GET /api/deliveries`: announcements of all recordings; `/api/deliveries/{id}`: what was sent and answered. */
export function addDeliveriesApi(app: FastifyInstance, { deliveries }: Pick<Query, 'deliveries'>): void {
  const api = app.withTypeProvider<ZodTypeProvider>();

  api.get(
    '/api/deliveries',
    {
      schema: {
        operationId: 'listDeliveries',
        tags: ['announcements'],
        summary: 'Announcements of all recordings, the newest first',
        querystring: z.object({
          state: z.enum(['pending', 'delivered', 'failed']).optional().describe('failed: given up'),
          limit: z.coerce.number().int().min(1).max(200).default(50),
        }),
        response: { 200: z.object({ deliveries: z.array(listedView) }), ...problems(400, 401, 403) },
      },
    },
    async ({ query }) => ({
      deliveries: (await deliveries.newest(query.state, query.limit)).map((delivery) => ({
        ...viewDelivery(delivery),
        recording_id: delivery.recordingId,
        title: delivery.title,
      })),
    }),
  );

  api.get(
    '/api/deliveries/:id',
    {
      schema: {
        operationId: 'getDelivery',
        tags: ['announcements'],
        summary: 'One announcement with what was sent and answered, attempt by attempt',
        params: z.object({ id: z.string() }),
        response: { 200: detailView, ...problems(401, 403, 404) },
      },
    },
    async ({ params: { id } }) => {
      const { delivery, title, attempts } = await deliveries.get(id);
      return {
        ...viewDelivery(delivery),
        recording_id: delivery.recordingId,
        title,
        body: delivery.body,
        tries: attempts.map((attempt) => viewTry(id, attempt)),
      };
    },
  );
}

function viewTry(
  id: string,
  { atMs, tookMs, status, answer, error }: DeliveryAttempt,
): z.output<typeof attemptView> {
  return {
    at: iso(atMs),
    took_ms: tookMs,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(atMs / 1000)),
      'webhook-signature': 'v1,(not kept)',
    },
    status,
    answer,
    error,
  };
}
