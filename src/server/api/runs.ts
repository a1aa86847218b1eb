import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Control } from '../../desk/control.ts';
import type { Query } from '../../desk/query.ts';
import { problems } from '../routes/problems.ts';
import { recordingView, viewRecording } from './views.ts';
import { webhookUrl } from './webhook-url.ts';

const newRun = z
  .object({
    recording_id: z.string().min(1).max(100),
    recipe: z.string().min(1).max(40),
    params: z
      .record(z.string(), z.record(z.string(), z.unknown()))
      .optional()
      .describe('Parameters of steps in place of those of the recipe, by the step’s id'),
    reference: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe('Yours; asked for again with the same one, nothing new begins'),
    webhook_url: webhookUrl
      .optional()
      .describe('Hears of this run: what its recipe announces, and run.done or run.failed at its end'),
  })
  .meta({ examples: [{ recording_id: 'rec_4bf5122f344554c53bde2ebb', recipe: 'probe' }] });

const acceptedRun = z.object({ id: z.string(), state: z.string(), duplicate: z.boolean() });

/**
 * `POST /api/runs`, `GET /api/runs`: further runs of recordings that are home. A run is a recording by itself, with an id,
 * steps, history and actions of its own; whatever becomes of it, the first run keeps what it has reached.
 */
export function addRunsApi(
  app: FastifyInstance,
  { query, control }: { query: Pick<Query, 'recordings'>; control: Pick<Control, 'startRun'> },
): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.post(
    '/api/runs',
    {
      schema: {
        tags: ['recipes'],
        operationId: 'startRun',
        summary: 'One more run of a recording that is home, by another recipe',
        body: newRun,
        response: { 202: acceptedRun, ...problems(400, 401, 403, 404, 409) },
      },
    },
    async ({ body }, reply) => {
      const { recording_id: recordingId, recipe, params, reference, webhook_url: webhookUrl } = body;
      const accepted = await control.startRun({ recordingId, recipe, params, reference, webhookUrl });
      return reply
        .code(202)
        .send({ id: accepted.id, state: accepted.state, duplicate: accepted.isDuplicate });
    },
  );

  routes.get(
    '/api/runs',
    {
      schema: {
        tags: ['recipes'],
        operationId: 'listRuns',
        summary: 'Further runs of recordings, the newest first',
        querystring: z.object({
          recording_id: z.string().max(100).optional(),
          limit: z.coerce.number().int().min(1).max(200).default(50),
        }),
        response: { 200: z.object({ runs: z.array(recordingView) }), ...problems(400, 401) },
      },
    },
    async ({ query: { recording_id: of, limit } }) => ({
      runs: (await query.recordings.runs(of, limit)).map(viewRecording),
    }),
  );
}
