import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { problems } from '../routes/problems.ts';

/** Everything that is measured, as text for Prometheus. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

const METRICS = {
  operationId: 'getMetrics',
  tags: ['health'],
  summary: 'All that is measured, for Prometheus',
  response: {
    200: { description: 'The text format of Prometheus', content: { 'text/plain': { schema: z.string() } } },
    ...problems(401, 403),
  },
};

/** `GET /metrics`, for Prometheus. */
export function addMetricsPage(app: FastifyInstance, metrics: MetricsText): void {
  app.get('/metrics', { schema: METRICS }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
}
