import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { HandedDesk } from '../../desk/handed-over.ts';
import { KnownError } from '../../domain/errors.ts';
import { callbackBody, handedName } from '../../domain/handed-over.ts';
import { bearerOf } from '../routes/bearer.ts';
import { problems } from '../routes/problems.ts';
import { FILE_ANSWER, sendBytes } from '../routes/send-bytes.ts';

const jobId = z.object({ id: z.string().max(100) });
const filesOf = jobId.extend({ key: z.string().max(100).describe('Of the files of this job') });
const outputOf = filesOf.extend({ name: handedName });

const pieceHeaders = z.object({
  'upload-offset': z.coerce.number().int().min(0).describe('How many bytes of it were written before'),
  'upload-complete': z.enum(['?0', '?1']).default('?0').describe('?1: this is the last piece'),
});

const heard = z.object({
  status: z.enum(['running', 'done', 'failed', 'returned']),
  repeated: z.boolean().describe('It was said before, and changes nothing'),
});

/** The job's own secret is what lets its program in; limits are for those who have none. */
const BY_SECRET = { access: 'anyone', limit: 'viewer' } as const;
const BY_PATH = { ...BY_SECRET, isPathSecret: true } as const;

/**
 * What programs elsewhere ask to which a step was handed over: `POST /api/jobs/{id}/callback`, by the token of the job, and
 * its files at addresses that open by themselves.
 */
export function addHandedOverApi(app: FastifyInstance, desk: HandedDesk): void {
  app.register((scope, _options, registered) => {
    // Bytes of any type, as they come.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body));
    addOutputs(scope, desk);
    registered();
  });
  const api = app.withTypeProvider<ZodTypeProvider>();

  api.post(
    '/api/jobs/:id/callback',
    {
      config: BY_SECRET,
      bodyLimit: CALLBACK_BYTES,
      schema: {
        tags: ['executors'],
        operationId: 'callBack',
        summary: 'How a step stands that was handed over to a program elsewhere',
        description: 'With the token of the job as `Authorization: Bearer`. See docs/executors.md.',
        params: jobId,
        body: callbackBody,
        response: { 200: heard, ...problems(400, 401, 409) },
      },
    },
    async (request, reply) => {
      const { isRepeated } = await desk.hear(request.params.id, bearerOf(request), request.body);
      return reply.send({ status: request.body.status, repeated: isRepeated });
    },
  );

  api.get(
    '/api/jobs/:id/:key/input',
    {
      config: BY_PATH,
      schema: {
        tags: ['executors'],
        operationId: 'readJobInput',
        summary: 'The input of a step that was handed over, whole or ranges of it',
        params: filesOf,
        response: {
          200: FILE_ANSWER,
          ...problems(400, 401, 404, 409),
        },
      },
    },
    async (request, reply) => {
      const { id, key } = request.params;
      const input = await desk.inputOf(id, key);
      reply.headers({ 'content-type': input.mediaType, 'cache-control': 'no-store', ...NEVER_RUN });
      return await sendBytes(request, reply, {
        look: async () => input,
        open: async (fromByte) => input.read(fromByte),
      });
    },
  );
}

function addOutputs(scope: FastifyInstance, desk: HandedDesk): void {
  const api = scope.withTypeProvider<ZodTypeProvider>();
  const written = { 204: z.undefined().describe('It is written'), ...problems(400, 401, 409, 413) };

  api.put(
    '/api/jobs/:id/:key/outputs/:name',
    {
      config: BY_PATH,
      schema: {
        tags: ['executors'],
        operationId: 'writeJobOutput',
        summary: 'An output of a step that was handed over, whole',
        description: 'For what is sent within half a minute; larger ones come in pieces, by PATCH.',
        params: outputOf,
        response: written,
      },
    },
    async (request, reply) => {
      const { id, key, name } = request.params;
      await desk.writeOutput(id, key, { name, body: bytesOf(request.body) });
      return await reply.code(204).send();
    },
  );

  api.patch(
    '/api/jobs/:id/:key/outputs/:name',
    {
      config: BY_PATH,
      schema: {
        tags: ['executors'],
        operationId: 'appendJobOutput',
        summary: 'The next piece of an output of a step that was handed over',
        description:
          'Of any size that is sent within half a minute. The answer says in Upload-Offset how much of the output is there, also where it is a refusal: go on from there.',
        params: outputOf,
        headers: pieceHeaders,
        response: written,
      },
    },
    async (request, reply) => {
      const { id, key, name } = request.params;
      const { 'upload-offset': fromByte, 'upload-complete': complete } = request.headers;
      const piece = { name, fromByte, isLast: complete === '?1', body: bytesOf(request.body) };
      try {
        const { offset } = await desk.appendOutput(id, key, piece);
        return await reply.header('upload-offset', offset).code(204).send();
      } catch (error) {
        await sayOffset(reply, () => desk.offsetOf(id, key, name));
        throw error;
      }
    },
  );
}

/** How large the words of a callback may be: a thousand outputs are named in less. */
const CALLBACK_BYTES = 1024 * 1024;

/** Whatever it is, it is no page. */
const NEVER_RUN = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
} as const;

function bytesOf(body: unknown): AsyncIterable<Buffer> {
  if (typeof body === 'object' && body !== null && Symbol.asyncIterator in body) {
    return body as AsyncIterable<Buffer>;
  }
  throw new KnownError('There are no bytes in the body', { code: 'REQUEST_INVALID' });
}

async function sayOffset(reply: FastifyReply, offset: () => Promise<number>): Promise<void> {
  // Who may not write is not told either.
  const bytes = await offset().catch(() => undefined);
  if (bytes !== undefined) reply.header('upload-offset', bytes);
}
