import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Control } from '../../desk/control.ts';
import type { Query } from '../../desk/query.ts';
import type { RunOf, RunWay } from '../../desk/runs.ts';
import { KnownError } from '../../domain/errors.ts';
import { problems } from '../routes/problems.ts';
import { recordingView, viewRecording } from './views.ts';
import { webhookUrl } from './webhook-url.ts';

const newRun = z
  .object({
    recording_id: z.string().min(1).max(100).optional().describe('One that is home; either this, or input'),
    input: z
      .string()
      .min(1)
      .max(4000)
      .optional()
      .describe('s3://bucket/key, https://host/path, or media-in:folder/file.mp4 below MEDIA_IN'),
    recipe: z.string().min(1).max(40).optional().describe('Either this, or presets, or outputs'),
    presets: z
      .array(z.string().min(1).max(40))
      .min(1)
      .max(20)
      .optional()
      .describe('Their names: one output is made by each'),
    outputs: z
      .array(
        z.strictObject({
          id: z.string().min(1).max(40).describe('Yours, for this run: small letters, digits and hyphens'),
          task: z.string().min(1).max(40).describe('Of the lane media; GET /api/tasks has them'),
          params: z.record(z.string(), z.unknown()).default({}),
        }),
      )
      .min(1)
      .max(50)
      .optional()
      .describe('What is to be made, thought out for this run: what presets say, without one'),
    to: z
      .string()
      .min(1)
      .max(1100)
      .optional()
      .describe(
        'The place of outputs, in place of those of the presets; of one preset also an address, s3://bucket/key or media-out:folder/file. Of recipes params say it',
      ),
    params: z
      .record(z.string(), z.record(z.string(), z.unknown()))
      .optional()
      .describe(
        'Parameters in place of those of the recipe or the presets, by the step’s id: of presets, their names',
      ),
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
  .meta({
    examples: [
      { recording_id: 'rec_4bf5122f344554c53bde2ebb', presets: ['web-720p', 'thumbnail'] },
      { recording_id: 'rec_4bf5122f344554c53bde2ebb', recipe: 'probe' },
      { input: 'media-in:courses/algebra-1.mov', presets: ['hls-1080p'] },
      {
        input: 's3://academy-films/algebra.mp4',
        outputs: [
          {
            id: 'small',
            task: 'package',
            params: { ladder: ['R_360P'], to: 's3://academy-site/a/small.m3u8' },
          },
        ],
      },
      {
        input: 's3://academy-films/algebra.mp4',
        presets: ['web-720p', 'thumbnail'],
        params: {
          'web-720p': { to: 's3://academy-site/algebra/video.mp4' },
          thumbnail: { to: 's3://academy-site/algebra/poster.jpg', dontReplace: true },
        },
      },
    ],
  });

const acceptedRun = z.object({ id: z.string(), state: z.string(), duplicate: z.boolean() });

/**
 * `POST /api/runs`, `GET /api/runs`: runs of recordings that are home, and of inputs. A run is a recording by itself, with an
 * id, steps, history and actions of its own; whatever becomes of it, the first run keeps what it has reached.
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
        summary: 'A run of a recording that is home, or of an input, by a recipe or by presets',
        body: newRun,
        response: { 202: acceptedRun, ...problems(400, 401, 403, 404, 409, 415, 502, 503) },
      },
    },
    async ({ body }, reply) => {
      const { params, reference, webhook_url: webhookUrl } = body;
      const of = beginningOf(body);
      const accepted = await control.startRun({ of, way: wayOf(body), params, reference, webhookUrl });
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
        summary: 'Runs that were asked for, the newest first',
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

/** @throws KnownError `REQUEST_INVALID` */
function beginningOf({ recording_id: recordingId, input }: z.output<typeof newRun>): RunOf {
  if (recordingId !== undefined && input === undefined) return { recordingId };
  if (input !== undefined && recordingId === undefined) return { input };
  const text =
    input === undefined
      ? 'recording_id: is required, or input'
      : 'input: there is a recording_id as well, and a run is of one of the two';
  throw new KnownError(text, { code: 'REQUEST_INVALID' });
}

/** @throws KnownError `REQUEST_INVALID` */
function wayOf({ recipe, presets, outputs, to, params }: z.output<typeof newRun>): RunWay {
  if (outputs !== undefined) {
    const other = { recipe, presets, to, params };
    const [name] = Object.entries(other).find(([, value]) => value !== undefined) ?? [];
    if (name === undefined) return { outputs };
    throw new KnownError(`${name}: there are outputs as well, which say all of theirs themselves`, {
      code: 'REQUEST_INVALID',
    });
  }
  if (recipe !== undefined && presets === undefined && to === undefined) return { recipe };
  if (presets !== undefined && recipe === undefined) return { presets, to };
  const text =
    recipe === undefined
      ? 'recipe: is required, or presets, or outputs'
      : presets === undefined
        ? 'to: is for presets; of a recipe params say where its steps put their outputs'
        : 'recipe: there are presets as well, and a run goes by one of the two';
  throw new KnownError(text, { code: 'REQUEST_INVALID' });
}
