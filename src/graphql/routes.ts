import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
// As the library itself loads it: schemas of another copy are not taken.
import {
  type DocumentNode,
  type GraphQLSchema,
  getOperationAST,
  MaxIntrospectionDepthRule,
  type OperationDefinitionNode,
} from 'graphql/index.js';
import mercurius from 'mercurius';
import { z } from 'zod';
import { THIS_SERVER } from '../domain/access.ts';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import { KnownError } from '../domain/errors.ts';
import { isJson } from '../lib/json.ts';
import { CODE } from '../lib/root.ts';
import { problems } from '../server/routes/problems.ts';
import type { WingRoutes } from '../server/routes/wing-routes.ts';
import { requireWithin } from './limits.ts';
import { type Context, createResolvers, type ResolverOptions } from './resolvers.ts';
import { type ToldError, toldErrors } from './told-errors.ts';

/** How long what is asked may be, in characters, and of how many words it may be: rules compare those of one name with each other. */
const MOST_CHARACTERS = 20_000;
const MOST_TOKENS = 2000;

const MAX_BODY_BYTES = 64 * 1024;

/** So many documents are kept as they were read. */
const KEPT_DOCUMENTS = 100;

const PATH = '/graphql';

export interface GraphqlOptions extends ResolverOptions {
  /** The status that an answer of HTTP has for a code. */
  readonly statusOf: (code: ErrorCode) => number;
}

interface Ask {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly operationName?: string | null | undefined;
}

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly ToldError[] | undefined;
}

/** What a request's context has beside what resolvers need. */
interface AskContext extends Context {
  readonly operationName: string | undefined;
  readonly request: FastifyRequest;
}

const answerView = z.object({
  data: z.unknown().optional(),
  errors: z
    .array(
      z.object({
        message: z.string(),
        locations: z.array(z.object({ line: z.int(), column: z.int() })).optional(),
        path: z.array(z.union([z.string(), z.int()])).optional(),
        extensions: z.object({
          code: z.string().describe('Stable; all codes are in docs/errors.md'),
          status: z.int().describe('As an answer of HTTP would have it'),
          title: z.string(),
          advice: z.string(),
        }),
      }),
    )
    .optional(),
});

/** `/graphql`: what lies below MEDIA_IN, and what is made of it, for programs that speak GraphQL. */
export function graphqlRoutes(options: GraphqlOptions): WingRoutes {
  return {
    signatures: {},
    tags: [{ name: 'library', description: 'What lies below MEDIA_IN, and what is made of it' }],
    addTo: (app) => addGraphql(app, options),
  };
}

function addGraphql(app: FastifyInstance, options: GraphqlOptions): void {
  const { statusOf, library } = options;
  const telling = ({ log }: Pick<FastifyRequest, 'log'>) => ({
    statusOf,
    onBug: (err: unknown) => log.error({ event: 'bug', err }, 'unforeseen error'),
  });
  const { resolvers, loaders } = createResolvers(options);

  app.register(mercurius, {
    schema: readFileSync(join(CODE, 'graphql/schema.graphql'), 'utf8'),
    resolvers: resolvers as never,
    loaders: loaders as never,
    routes: false,
    cache: KEPT_DOCUMENTS,
    jit: 0,
    validationRules: [MaxIntrospectionDepthRule],
    graphql: { parseOptions: { maxTokens: MOST_TOKENS } },
    errorFormatter: ({ data, errors = [] }, context) => ({
      statusCode: 200,
      response: {
        data,
        errors: toldErrors(errors, telling((context as never as AskContext).request)) as never,
      },
    }),
  });
  app.addHook('onClose', () => library.stop());
  app.register((scope, _options, registered) => {
    scope.graphql.addHook('preExecution', async (schema, document, context, variables) =>
      admit({ schema, document, context: context as never as AskContext, variables: variables ?? {} }),
    );
    addRoutes(scope, { ...options, telling });
    registered();
  });
}

/**
 * Decides whether what is valid is carried out.
 *
 * @throws KnownError `REQUEST_INVALID`, `READ_ONLY`
 */
function admit(of: {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly context: AskContext;
  readonly variables: Readonly<Record<string, unknown>>;
}): void {
  const { schema, document, context, variables } = of;
  const operation = getOperationAST(document, context.operationName);
  if (operation == null) {
    throw new KnownError('operationName: does not say which of several operations is meant', {
      code: 'REQUEST_INVALID',
    });
  }
  const { request } = context;
  if (operation.operation !== 'query') {
    request.isReading = false;
    request.act = actOf(operation);
    const { holder } = request.pass ?? { holder: THIS_SERVER };
    if (holder.role !== 'operator') {
      throw new KnownError(`${holder.name} may look at everything and change nothing`, {
        code: 'READ_ONLY',
      });
    }
  }
  requireWithin(schema, document, operation, variables);
}

/** What the audit trail calls it: what is done, each once. */
function actOf({ selectionSet }: OperationDefinitionNode): string {
  const names = selectionSet.selections.map((each) => ('name' in each ? each.name.value : '…'));
  return [...new Set(names)].slice(0, 5).join(' ');
}

function addRoutes(
  app: FastifyInstance,
  {
    statusOf,
    telling,
  }: Pick<GraphqlOptions, 'statusOf'> & {
    telling: (request: FastifyRequest) => Parameters<typeof toldErrors>[1];
  },
): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();

  async function answer(ask: Ask, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    request.isReading = true;
    const subjects = new Set<string>();
    const context: AskContext = {
      by: (request.pass?.holder ?? THIS_SERVER).name,
      concerns(subject) {
        subjects.add(subject);
        request.subject = [...subjects].join(' ').slice(0, 200);
      },
      operationName: ask.operationName ?? undefined,
      request,
    };
    return await reply.type('application/json; charset=utf-8').send(await carryOut(ask, context, reply));
  }

  async function carryOut(ask: Ask, context: AskContext, reply: FastifyReply): Promise<Answer> {
    try {
      // The library would take it for a document that was read elsewhere, whatever it is.
      if (isJson(ask.query)) {
        throw new KnownError('query: is JSON, and no question of GraphQL', { code: 'REQUEST_INVALID' });
      }
      const variables = { ...ask.variables };
      return (await reply.graphql(ask.query, context as never, variables, context.operationName)) as Answer;
    } catch (thrown) {
      const errors = toldErrors(errorsIn(thrown), telling(context.request));
      const isWrongMethod = codeOf(thrown) === 'MER_ERR_METHOD_NOT_ALLOWED';
      if (isWrongMethod) void reply.header('allow', 'POST');
      void reply.code(isWrongMethod ? 405 : (errors[0]?.extensions.status ?? statusOf('UNEXPECTED')));
      return { errors };
    }
  }

  routes.post(
    PATH,
    {
      bodyLimit: MAX_BODY_BYTES,
      config: { access: 'readers' },
      schema: {
        tags: ['library'],
        operationId: 'askGraphql',
        summary: 'A question or a change in GraphQL; docs/graphql.md has the schema',
        body: z.object({
          query: z.string().min(1).max(MOST_CHARACTERS),
          variables: z.record(z.string(), z.unknown()).nullish(),
          operationName: z.string().max(200).nullish(),
        }),
        response: { 200: answerView, ...problems(400, 401, 403, 413) },
      },
      // It is written as it is: what is asked for says what is answered.
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request, reply) => answer(request.body, request, reply),
  );

  routes.get(
    PATH,
    {
      schema: {
        tags: ['library'],
        operationId: 'queryGraphql',
        summary: 'A question in GraphQL',
        querystring: z.object({
          query: z.string().min(1).max(MOST_CHARACTERS),
          variables: z.string().max(MOST_CHARACTERS).optional().describe('JSON'),
          operationName: z.string().max(200).optional(),
        }),
        response: { 200: answerView, ...problems(400, 401, 403) },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request, reply) => {
      const { query, variables, operationName } = request.query;
      return await answer({ query, variables: readVariables(variables), operationName }, request, reply);
    },
  );
}

const variablesShape = z.record(z.string(), z.unknown()).nullable();

/** @throws KnownError `REQUEST_INVALID` */
function readVariables(text: string | undefined): Ask['variables'] {
  if (text === undefined || text === '') return undefined;
  try {
    return variablesShape.parse(JSON.parse(text));
  } catch (error) {
    throw new KnownError('variables: has to be an object, as JSON', {
      code: 'REQUEST_INVALID',
      cause: error,
    });
  }
}

/** All that is wrong with what was asked, where there is more than one thing. */
function errorsIn(thrown: unknown): readonly unknown[] {
  if (codeOf(thrown) === 'MER_ERR_METHOD_NOT_ALLOWED') {
    return [new KnownError('A change has to be asked for by POST', { code: 'REQUEST_INVALID' })];
  }
  const { errors } = Object(thrown) as { errors?: unknown };
  return Array.isArray(errors) && errors.length > 0 ? errors : [thrown];
}

function codeOf(thrown: unknown): unknown {
  return (Object(thrown) as { code?: unknown }).code;
}
