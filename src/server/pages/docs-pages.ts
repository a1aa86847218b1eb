import swagger from '@fastify/swagger';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';
import { SESSION_COOKIE } from '../access/operators.ts';
import { operationIdOf } from '../operation-id.ts';
import type { WingRoutes } from '../routes/wing-routes.ts';
import { DOCS_PAGE_POLICY, docsPage } from './docs-html.ts';

const DESCRIPTION = `Where recordings come in, and what operators see and do. Every refusal is a problem document
(RFC 9457) with a stable \`code\` and with what to do about it; docs/errors.md has them all. Callers on this machine need to
show nothing, unless LOCAL_TRUST is off. Uploads of tutors (\`/tusupload\`) are another server's, which speaks tus 1.0; its
token is in docs/website.md.`;

/** How a caller shows who it is. */
const SECURITY_SCHEMES: Record<string, OpenAPIV3_1.SecuritySchemeObject> = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description:
      'The ADMIN_TOKEN, or a token of one’s own (`sluice access create`); a viewer’s one only reads',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
    description:
      'What `POST /login` gives; to do more than read, the request has to come from a page of this server',
  },
};

/** What every operator's route may answer, whether it says so or not. */
const USUAL_REFUSALS = {
  401: 'Nobody is logged in, or the token is a wrong one',
  403: 'This caller may not do that',
  429: 'Too many requests; Retry-After says when to come back',
} as const;

/** Describes every route that is added after this, those of wings too, from the schemas by which it is checked. */
export async function describeRoutes(
  app: FastifyInstance,
  { version, wings }: { readonly version: string; readonly wings: readonly WingRoutes[] },
): Promise<void> {
  const signatures = Object.assign({}, ...wings.map((wing) => wing.signatures));
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Sluice', version, description: DESCRIPTION },
      components: { securitySchemes: { ...SECURITY_SCHEMES, ...signatures } },
      tags: [
        { name: 'recordings', description: 'What was brought home, and what waits for it' },
        { name: 'executors', description: 'What programs elsewhere ask to which steps were handed over' },
        { name: 'recipes', description: 'Which ways recordings go' },
        { name: 'line', description: 'How it goes on' },
        { name: 'events', description: 'What happens, as it happens' },
        { name: 'announcements', description: 'What the website is told' },
        ...wings.flatMap(({ tags = [] }) => tags),
        { name: 'doors', description: 'Where recordings come in' },
        { name: 'watching', description: 'What viewers ask' },
        { name: 'access', description: 'Who may come in, and who has done what' },
        { name: 'health', description: 'Whether this process is well, and what it measures' },
      ],
    },
    transform: (document) => {
      const transformed = jsonSchemaTransform(document);
      const { route, url, schema } = document;
      if (transformed.schema?.hide) return transformed;
      const method = [route.method].flat()[0] ?? 'GET';
      const told = {
        operationId: operationIdOf({ method, url, schema }),
        security: schema?.security ?? securityOf(route),
      };
      return { ...transformed, schema: { ...transformed.schema, ...told } };
    },
    transformObject: jsonSchemaTransformObject,
  });
}

function securityOf({ config }: RouteOptions): Record<string, string[]>[] {
  const access = config?.access;
  if (access === 'anyone') return [];
  return access === 'processes' ? [{}, { bearer: [] }] : [{ bearer: [] }, { session: [] }, {}];
}

/** Leaves out what says nothing to readers: shapes that nothing refers to, and the patterns behind formats. */
function tidy(document: OpenAPIV3_1.Document): OpenAPIV3_1.Document {
  const text = JSON.stringify(document, (_key, value) => {
    if (value?.format === 'date-time') return { ...value, pattern: undefined };
    return value?.description === 'Default Response' ? { ...value, description: 'Done' } : value;
  });
  const tidied: OpenAPIV3_1.Document = JSON.parse(text);
  for (const { operation } of operationsOf(tidied)) {
    if (!operation.security?.some((each) => 'bearer' in each)) continue;
    operation.responses ??= {};
    for (const [status, description] of Object.entries(USUAL_REFUSALS)) {
      operation.responses[status] ??= {
        description,
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      };
    }
  }
  const { components, ...rest } = tidied;
  const used = reachable(components?.schemas ?? {}, rest);
  return { ...rest, components: { ...components, schemas: used } };
}

/** The shapes that something refers to, by way of others too. */
function reachable<T>(schemas: Readonly<Record<string, T>>, from: object): Record<string, T> {
  const found = new Set<string>();
  const waiting: unknown[] = [from];
  while (waiting.length > 0) {
    const text = JSON.stringify(waiting.pop());
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/([^"/]+)"/g)) {
      if (found.has(name) || schemas[name] === undefined) continue;
      found.add(name);
      waiting.push(schemas[name]);
    }
  }
  const used = Object.entries(schemas).filter(([name]) => found.has(name));
  // By their names: else the document would differ with every import that moves.
  return Object.fromEntries(used.sort(([one], [other]) => (one < other ? -1 : 1)));
}

export interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operation: OpenAPIV3_1.OperationObject;
}

function operationsOf({ paths = {} }: OpenAPIV3_1.Document): Operation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item ?? {}).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation: operation as OpenAPIV3_1.OperationObject,
    })),
  );
}

/** The description of all routes, once they are there. */
export function openApiOf(app: FastifyInstance): OpenAPIV3_1.Document {
  return tidy(app.swagger() as OpenAPIV3_1.Document);
}

/** `GET /docs`: the description of all routes for people, and `GET /docs/openapi.json` for programs. */
export function addDocsPages(app: FastifyInstance): void {
  const hidden = { schema: { hide: true } };
  app.get('/docs/openapi.json', hidden, async () => openApiOf(app));
  app.get('/docs', hidden, async (_request, reply) => {
    const document = openApiOf(app);
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', DOCS_PAGE_POLICY)
      .send(docsPage(document, operationsOf(document)));
  });
}
