import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Line } from '../queue/line.ts';
import { requireLocal } from './local-only.ts';

/**
 * What an operator can switch: `POST /api/line/pause` and `/resume`, `POST /api/deliveries/{id}/replay`,
 * `POST /api/site/listens` (the website that answered 410 is back), and `GET /api/status`.
 */
export function addControlsApi(
  app: FastifyInstance,
  options: {
    ledger: Pick<Ledger, 'switches' | 'deliveries' | 'circuits'>;
    deliveriesLine: Pick<Line, 'hurry'>;
  },
): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  const { switches, deliveries, circuits } = options.ledger;
  const local = { onRequest: requireLocal };

  api.get('/api/status', local, async () => ({
    paused: (await switches.get('line.paused')) !== undefined,
    site_gone: (await switches.get('site.gone')) ?? null,
    circuits: (await circuits.all()).map(({ service, failures, openUntilMs, lastError }) => ({
      service,
      failures,
      open_until: openUntilMs > Date.now() ? new Date(openUntilMs).toISOString() : null,
      last_error: lastError,
    })),
  }));

  api.post('/api/line/pause', local, async () => {
    await switches.set('line.paused', 'by an operator');
    return { paused: true };
  });

  api.post('/api/line/resume', local, async () => {
    await switches.clear('line.paused');
    return { paused: false };
  });

  api.post('/api/site/listens', local, async () => {
    await switches.clear('site.gone');
    for (const { id } of await deliveries.pending()) await replay(id);
    return { site_gone: null };
  });

  api.post(
    '/api/deliveries/:id/replay',
    { ...local, schema: { params: z.object({ id: z.string() }) } },
    async (request) => {
      const { id } = request.params;
      if (!(await replay(id))) throw new KnownError(`There is no delivery ${id}`, { code: 'NOT_FOUND' });
      return { id, state: 'pending' };
    },
  );

  async function replay(id: string): Promise<boolean> {
    const isKnown = await deliveries.replay(id);
    if (isKnown) options.deliveriesLine.hurry(id);
    return isKnown;
  }
}
