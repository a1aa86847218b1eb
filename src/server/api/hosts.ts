import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Control } from '../../desk/control.ts';
import type { Status } from '../../desk/status.ts';
import { problems } from '../routes/problems.ts';
import { hostView, viewHost } from './status.ts';

const hostsAnswer = z.object({ hosts: z.array(hostView) });

/** The machines that share the ledger: `GET /api/hosts`, `POST /api/hosts/{id}/forget`. */
export function addHostsApi(
  app: FastifyInstance,
  { status, control }: { status: Pick<Status, 'surroundings'>; control: Pick<Control, 'forgetHost'> },
): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const tags = ['line'];
  const list = async () => ({ hosts: (await status.surroundings()).hosts.map(viewHost) });

  routes.get(
    '/api/hosts',
    {
      schema: {
        tags,
        operationId: 'listHosts',
        summary: 'The machines that share the ledger, and what lies on the disk of each',
        response: { 200: hostsAnswer, ...problems(401) },
      },
    },
    list,
  );

  routes.post(
    '/api/hosts/:id/forget',
    {
      schema: {
        tags,
        operationId: 'forgetHost',
        summary: 'Forget a machine that will not come back; what lies on its disk alone waits all the same',
        params: z.object({ id: z.string().max(100) }),
        response: { 200: hostsAnswer, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      request.subject = request.params.id;
      await control.forgetHost(request.params.id);
      return await list();
    },
  );
}
