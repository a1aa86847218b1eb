import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Status } from '../../desk/status.ts';

const aliveAnswer = z.object({ status: z.literal('ok') });

const appState = z.enum(['ok', 'silent', 'unheard', 'unknown']);
const readyAnswer = z.object({
  status: z.enum(['ok', 'unavailable']),
  ledger: z.enum(['ok', 'unavailable']),
  redis: z.enum(['ok', 'away', 'refusing', 'unknown']),
  worker: appState,
  tus: appState,
  reasons: z.array(z.string()).describe('Why not, in words; none if it is ready'),
});
type ReadyAnswer = z.output<typeof readyAnswer>;

/**
 * `GET /healthz`: this process is alive. `GET /readyz`: recordings come in and move (200), or not (503) and why: it looks
 * at what moves, the signs of life of the other processes, writes to the ledger and to Redis, and the line. While it
 * answers 503 recordings may still be accepted, so it is for monitors and not for what hands requests out.
 */
export function addHealth(app: FastifyInstance, status: Pick<Status, 'vitals'>): void {
  const health = app.withTypeProvider<ZodTypeProvider>();
  const alive = {
    tags: ['health'],
    operationId: 'getHealth',
    summary: 'Whether this process is alive',
    response: { 200: aliveAnswer },
  };
  health.get('/healthz', { config: { access: 'anyone' }, schema: alive }, async () => ({
    status: 'ok' as const,
  }));

  const ready = {
    tags: ['health'],
    operationId: 'getReadiness',
    summary: 'Whether recordings come in and move, for monitors',
    response: { 200: readyAnswer, 503: readyAnswer },
  };
  health.get('/readyz', { config: { access: 'anyone' }, schema: ready }, async (_request, reply) => {
    const answer = await look().catch((): ReadyAnswer => {
      const unknown = { redis: 'unknown', worker: 'unknown', tus: 'unknown' } as const;
      const reasons = ['The ledger cannot be read.'];
      return { status: 'unavailable', ledger: 'unavailable', ...unknown, reasons };
    });
    return reply.code(answer.status === 'ok' ? 200 : 503).send(answer);
  });

  async function look(): Promise<ReadyAnswer> {
    const { vitals, troubles } = await status.vitals();
    const stateOf = (app: string) => vitals.apps.find((each) => each.app === app)?.state ?? 'unheard';
    // Titles may name a recording; who asks here may be anybody.
    const reasons = troubles
      .filter(({ isBlocking }) => isBlocking)
      .map(({ kind, title }) => (kind === 'standstill' ? 'The line stands still.' : `${title}.`));
    return {
      status: reasons.length === 0 ? 'ok' : 'unavailable',
      ledger: vitals.ledgerTrouble === undefined ? 'ok' : 'unavailable',
      redis: vitals.redis.state,
      worker: stateOf('worker'),
      tus: stateOf('tus'),
      reasons,
    };
  }
}
