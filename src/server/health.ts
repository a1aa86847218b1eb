import type { FastifyInstance } from 'fastify';

/**
 * `GET /healthz`: this process is alive. `GET /readyz`: it can accept recordings (200) or not (503), with the state of
 * what it uses; Redis being away delays the line and refuses nothing, so it does not count.
 */
export function addHealth(
  app: FastifyInstance,
  checks: { isLedgerReady: () => Promise<boolean>; isRedisReady: () => boolean },
): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ledger = await checks.isLedgerReady().catch(() => false);
    const redis = checks.isRedisReady();
    return reply.code(ledger ? 200 : 503).send({
      status: ledger ? 'ok' : 'unavailable',
      ledger: ledger ? 'ok' : 'unavailable',
      redis: redis ? 'ok' : 'away',
    });
  });
}
