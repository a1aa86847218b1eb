import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Query } from '../../desk/query.ts';
import { problems } from '../routes/problems.ts';

const taskView = z
  .object({
    name: z.string(),
    label: z.string().describe('What people call it'),
    lane: z.string().describe('Steps of different lanes never hold each other up'),
    takes: z.record(z.string(), z.enum(['growing', 'proved'])),
    makes: z.array(z.string()),
    params: z.record(z.string(), z.unknown()).describe('JSON schema'),
    reports: z.enum(['bytes', 'seconds']).nullable(),
    is_final: z.boolean().describe('What is begun here can no longer be taken back'),
  })
  .meta({ id: 'Task' });
export type TaskView = z.output<typeof taskView>;

const recipeView = z
  .object({
    name: z.string(),
    version: z.int(),
    is_default: z.boolean().describe('Videos go this way unless something else is chosen'),
    steps: z.array(
      z.object({
        id: z.string(),
        task: z.string(),
        lane: z.string(),
        params: z.record(z.string(), z.unknown()),
        takes: z.record(z.string(), z.string()),
        after: z.array(z.string()),
      }),
    ),
  })
  .meta({ id: 'Recipe' });
export type RecipeView = z.output<typeof recipeView>;

/** `GET /api/recipes`: the ways that recordings may go; `GET /api/tasks`: what steps there can be. */
export function addRecipesApi(
  app: FastifyInstance,
  { recipes, tasks }: Pick<Query, 'recipes' | 'tasks'>,
): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.get(
    '/api/recipes',
    {
      schema: {
        tags: ['recipes'],
        operationId: 'listRecipes',
        summary: 'The ways that recordings may go',
        response: { 200: z.object({ recipes: z.array(recipeView) }), ...problems(401) },
      },
    },
    async () => ({
      recipes: recipes().map(({ name, plan, isDefault }) => ({
        name,
        version: plan.version,
        is_default: isDefault,
        steps: plan.steps.map(({ id, task, lane, params, takes, after }) => ({
          id,
          task,
          lane,
          params: { ...(params as object | undefined) },
          takes: Object.fromEntries(takes.map(({ input, step, output }) => [input, `${step}.${output}`])),
          after: [...after],
        })),
      })),
    }),
  );
  routes.get(
    '/api/tasks',
    {
      schema: {
        tags: ['recipes'],
        operationId: 'listTasks',
        summary: 'What the steps of a recipe can be',
        response: { 200: z.object({ tasks: z.array(taskView) }), ...problems(401) },
      },
    },
    async () => ({
      tasks: [...tasks.values()].map((shape) => ({
        name: shape.name,
        label: shape.label,
        lane: shape.lane,
        takes: { ...shape.takes },
        makes: [...(shape.makes ?? [])],
        params: shape.params === undefined ? {} : z.toJSONSchema(shape.params, { unrepresentable: 'any' }),
        reports: shape.reports ?? null,
        is_final: shape.isFinal === true,
      })),
    }),
  );
}
