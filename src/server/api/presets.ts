import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Control } from '../../desk/control.ts';
import type { Query } from '../../desk/query.ts';
import type { PresetSeen } from '../../domain/preset.ts';
import { actorOf } from '../access/operators.ts';
import { problems } from '../routes/problems.ts';
import { isoOrNull } from './views.ts';

const params = z.record(z.string(), z.unknown());

const presetView = z
  .object({
    name: z.string(),
    version: z.int().describe('Rises with each change'),
    task: z.string(),
    params: params.describe('Those that were given; all others are as the task has them'),
    description: z.string(),
    is_built_in: z.boolean().describe('It can be neither changed nor removed'),
    changed_at: z.iso.datetime().nullable(),
    changed_by: z.string().nullable(),
    problems: z.array(z.string()).describe('What is wrong with it since its task has changed; else empty'),
  })
  .meta({ id: 'Preset', description: 'A task with parameters under a name; a run makes one output by each' });
export type PresetView = z.output<typeof presetView>;

const said = z.object({
  task: z.string().max(100).describe('One of the lane media'),
  params: params.default({}).describe('As GET /api/tasks has their schema'),
  description: z.string().max(200).default(''),
});

const newPreset = said.extend({ name: z.string().max(100) }).meta({
  examples: [
    { name: 'small-clip', task: 'trim', params: { start: '10s', end: '50%' }, description: 'The first half' },
  ],
});

const named = z.object({ name: z.string().max(100) });

/**
 * Presets: `GET` and `POST /api/presets`, `GET` and `POST /api/presets/{name}`, `POST /api/presets/{name}/remove`. A run keeps
 * each as it was when the run was asked for.
 */
export function addPresetsApi(
  app: FastifyInstance,
  { query, control }: { query: Pick<Query, 'presets'>; control: Pick<Control, 'presets'> },
): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const tags = ['recipes'];

  routes.get(
    '/api/presets',
    {
      schema: {
        tags,
        operationId: 'listPresets',
        summary: 'What outputs can be made by their names, those of Sluice first',
        response: { 200: z.object({ presets: z.array(presetView) }), ...problems(401) },
      },
    },
    async () => ({ presets: (await query.presets.all()).map(viewPreset) }),
  );

  routes.get(
    '/api/presets/:name',
    {
      schema: {
        tags,
        operationId: 'getPreset',
        summary: 'One preset',
        params: named,
        response: { 200: presetView, ...problems(401, 404) },
      },
    },
    async ({ params: { name } }) => viewPreset(await query.presets.get(name)),
  );

  routes.post(
    '/api/presets',
    {
      schema: {
        tags,
        operationId: 'createPreset',
        summary: 'Make a preset',
        body: newPreset,
        response: { 201: presetView, ...problems(400, 401, 403, 409) },
      },
    },
    async (request, reply) => {
      request.subject = request.body.name;
      const created = await control.presets.create(request.body, actorOf(request));
      return reply.code(201).send(viewPreset(created));
    },
  );

  routes.post(
    '/api/presets/:name',
    {
      schema: {
        tags,
        operationId: 'changePreset',
        summary: 'Say anew what a preset is; runs that were asked for before go on as they are',
        params: named,
        body: said,
        response: { 200: presetView, ...problems(400, 401, 403, 404, 409) },
      },
    },
    async (request) => {
      const preset = { name: request.params.name, ...request.body };
      return viewPreset(await control.presets.change(preset, actorOf(request)));
    },
  );

  routes.post(
    '/api/presets/:name/remove',
    {
      schema: {
        tags,
        operationId: 'removePreset',
        summary: 'Take a preset away; runs that were asked for before go on as they are',
        params: named,
        response: { 200: presetView, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => viewPreset(await control.presets.remove(request.params.name, actorOf(request))),
  );
}

function viewPreset(preset: PresetSeen): PresetView {
  const { name, version, task, params, description, isBuiltIn, changedAtMs, changedBy, problems } = preset;
  return {
    name,
    version,
    task,
    params: { ...params },
    description,
    is_built_in: isBuiltIn,
    changed_at: isoOrNull(changedAtMs),
    changed_by: changedBy,
    problems: [...problems],
  };
}
