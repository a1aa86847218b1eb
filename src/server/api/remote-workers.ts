import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { RemoteWorkerInSight, RemoteWorkersDesk } from '../../desk/remote-workers.ts';
import { newRemoteWorker, REMOTE_WORKER_STATES } from '../../domain/remote-worker.ts';
import { actorOf } from '../access/operators.ts';
import { bearerOf } from '../routes/bearer.ts';
import { problems } from '../routes/problems.ts';

/** The longest that a worker may wait for work in one request, in seconds: less than proxies wait for an answer. */
const MOST_WAIT_S = 50;

/** How long an invitation is good, unless told otherwise, and at most, in seconds. */
const [INVITED_FOR_S, MOST_INVITED_S] = [24 * 3600, 30 * 24 * 3600];

const workerView = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z
      .enum(REMOTE_WORKER_STATES)
      .describe('drained: it is given no more work; revoked: its key opens nothing any more'),
    tasks: z.array(z.string()).describe('The tasks that it can do'),
    version: z.string(),
    machine: z.string(),
    registered_at: z.string(),
    seen_at: z.string().describe('When it last asked for work, within 10 s'),
    jobs: z
      .array(z.object({ recording_id: z.string(), step: z.string() }))
      .describe('What it has taken and not ended'),
  })
  .meta({ id: 'RemoteWorker' });

const jobView = z.object({
  job: z.object({ id: z.string(), task: z.string(), params: z.unknown(), inputName: z.string() }),
  inputUrl: z.string(),
  outputPrefix: z.string(),
  token: z.string(),
  callbackUrl: z.string(),
});

/** Who comes shows a secret of its own; limits are for those who have none. */
const BY_SECRET = { access: 'anyone', limit: 'viewer' } as const;

const named = z.object({ name: z.string().max(100) });

/**
 * Workers elsewhere that come for their work: `POST /api/workers/invitations`, `POST /api/workers/register`, `POST /api/workers/take`, and
 * what an operator sees of them and does with them.
 */
export function addRemoteWorkersApi(app: FastifyInstance, desk: RemoteWorkersDesk): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const tags = ['executors'];

  routes.get(
    '/api/workers',
    {
      schema: {
        tags,
        operationId: 'listWorkers',
        summary: 'The workers elsewhere that come for their work, and what waits for one',
        response: {
          200: z.object({
            workers: z.array(workerView),
            waiting: z.array(
              z.object({ task: z.string(), count: z.int(), waited_s: z.int().describe('The first of them') }),
            ),
          }),
          ...problems(401),
        },
      },
    },
    async () => ({
      workers: (await desk.all()).map(viewWorker),
      waiting: (await desk.offered()).map(({ task, count, waitedS }) => ({ task, count, waited_s: waitedS })),
    }),
  );

  routes.post(
    '/api/workers/invitations',
    {
      schema: {
        tags,
        operationId: 'inviteWorker',
        summary: 'Make what lets one worker register, once',
        body: z.strictObject({
          within_s: z.int().min(60).max(MOST_INVITED_S).default(INVITED_FOR_S).describe('For how long'),
        }),
        response: {
          201: z.object({
            invitation: z.string().describe('It is shown here and kept nowhere'),
            expires_at: z.string(),
          }),
          ...problems(400, 401, 403),
        },
      },
    },
    async (request, reply) => {
      const { invitation, expiresAtMs } = await desk.invite(actorOf(request), request.body.within_s * 1000);
      return reply.code(201).send({ invitation, expires_at: new Date(expiresAtMs).toISOString() });
    },
  );

  routes.post(
    '/api/workers/register',
    {
      config: BY_SECRET,
      schema: {
        tags,
        operationId: 'registerWorker',
        summary: 'Register a worker; its key is in the answer, and nowhere else',
        description: 'With an invitation as `Authorization: Bearer`. See docs/executors.md.',
        body: newRemoteWorker,
        response: {
          201: z.object({ id: z.string(), name: z.string(), key: z.string() }),
          ...problems(400, 401, 409),
        },
      },
    },
    async (request, reply) => {
      request.subject = request.body.name;
      const { worker, key } = await desk.register(bearerOf(request), request.body);
      return reply.code(201).send({ id: worker.id, name: worker.name, key });
    },
  );

  routes.post(
    '/api/workers/take',
    {
      config: BY_SECRET,
      schema: {
        tags,
        operationId: 'takeWork',
        summary: 'Wait for a step, and take it',
        description:
          'With the key of the worker as `Authorization: Bearer`. The answer comes as soon as there is a step of its tasks; `job` is null where none came. How the step stands is said at its callbackUrl.',
        body: z.strictObject({
          wait_s: z.number().min(0).max(MOST_WAIT_S).default(30).describe('How long it waits for one'),
        }),
        response: {
          200: z.object({ state: z.enum(REMOTE_WORKER_STATES), job: jobView.nullable() }),
          ...problems(400, 401),
        },
      },
    },
    async (request, reply) => {
      const gone = new AbortController();
      const leave = () => gone.abort();
      request.raw.socket.once('close', leave);
      try {
        const waitMs = request.body.wait_s * 1000;
        const { worker, job } = await desk.take(bearerOf(request), { waitMs, signal: gone.signal });
        return reply.header('cache-control', 'no-store').send({ state: worker.state, job: job ?? null });
      } finally {
        request.raw.socket.off('close', leave);
      }
    },
  );

  for (const [act, state, summary] of [
    ['drain', 'drained', 'Give a worker no more work; what it has it ends'],
    ['resume', 'active', 'Give a worker work again'],
    ['revoke', 'revoked', 'Have the key of a worker open nothing any more; what it has waits for another'],
  ] as const) {
    routes.post(
      `/api/workers/:name/${act}`,
      {
        schema: {
          tags,
          operationId: `${act}Worker`,
          summary,
          params: named,
          response: { 200: workerView, ...problems(401, 403, 404) },
        },
      },
      async (request) => {
        request.subject = request.params.name;
        return viewWorker(await desk.setState(request.params.name, state));
      },
    );
  }
}

function viewWorker(worker: RemoteWorkerInSight): z.output<typeof workerView> {
  const { id, name, state, tasks, version, machine, registeredAtMs, seenAtMs, jobs } = worker;
  return {
    ...{ id, name, state, version, machine },
    tasks: [...tasks],
    registered_at: new Date(registeredAtMs).toISOString(),
    seen_at: new Date(seenAtMs).toISOString(),
    jobs: jobs.map(({ recordingId, step }) => ({ recording_id: recordingId, step })),
  };
}
