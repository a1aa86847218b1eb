import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ZoomIgnored } from '../ledger/zoom-ignored.ts';
import { problems } from './views.ts';

const ignoredView = z.looseObject({
  reason: z.string(),
  why: z.string(),
  rule: z.string().nullable(),
  event: z.string(),
  account_id: z.string().nullable(),
  first_at: z.iso.datetime(),
  last_at: z.iso.datetime(),
  times: z.int().describe('How often it was announced'),
});

/** `GET /api/zoom/ignored`: what was left with Zoom, newest first, and by which rule or for what other reason. */
export function addZoomApi(
  app: FastifyInstance,
  { ignored }: { ignored: Pick<ZoomIgnored, 'newest'> },
): void {
  const limit = z.coerce.number().int().min(1).max(1000).default(100);
  const schema = {
    tags: ['recordings'],
    operationId: 'listIgnored',
    summary: 'What was left with Zoom, and why, newest first',
    querystring: z.object({ limit }),
    response: { 200: z.object({ ignored: z.array(ignoredView) }), ...problems(400, 403) },
  };

  app.withTypeProvider<ZodTypeProvider>().get('/api/zoom/ignored', { schema }, async (request) => ({
    ignored: (await ignored.newest(request.query.limit)).map((entry) => ({
      reason: entry.reason,
      why: entry.why,
      rule: entry.rule,
      event: entry.event,
      account_id: entry.accountId,
      ...entry.what,
      first_at: new Date(entry.firstAtMs).toISOString(),
      last_at: new Date(entry.lastAtMs).toISOString(),
      times: entry.times,
    })),
  }));
}
