import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';

const aliveAnswer = z.object({ status: z.literal('ok') });

const readyAnswer = z.object({
  status: z.enum(['ok', 'unavailable']),
  ledger: z.enum(['ok', 'unavailable']),
  redis: z.enum(['ok', 'away']),
});

/**
 * `GET /healthz`: this process is alive. `GET /readyz`: it can accept recordings (200) or not (503), with the state of
 * what it uses; Redis being away delays the line and refuses nothing, so it does not count.
 */
export function addHealth(
  app: FastifyInstance,
  checks: { isLedgerReady: () => Promise<boolean>; isRedisReady: () => boolean },
): void {
  const health = app.withTypeProvider<ZodTypeProvider>();
  const alive = {
    tags: ['health'],
    summary: 'Whether this process is alive',
    response: { 200: aliveAnswer },
  };
  health.get('/healthz', { config: { access: 'anyone' }, schema: alive }, async () => ({
    status: 'ok' as const,
  }));

  const ready = {
    tags: ['health'],
    summary: 'Whether recordings can be accepted',
    response: { 200: readyAnswer, 503: readyAnswer },
  };
  health.get('/readyz', { config: { access: 'anyone' }, schema: ready }, async (_request, reply) => {
    const ledger = await checks.isLedgerReady().catch(() => false);
    const redis = checks.isRedisReady();
    return reply.code(ledger ? 200 : 503).send({
      status: ledger ? 'ok' : 'unavailable',
      ledger: ledger ? 'ok' : 'unavailable',
      redis: redis ? 'ok' : 'away',
    });
  });
}
