import type { FastifyInstance } from 'fastify';

/** Everything that is measured, as text for Prometheus. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

/** `GET /metrics`, for Prometheus. */
export function addMetricsPage(app: FastifyInstance, metrics: MetricsText): void {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
}
