import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';

const DESCRIPTION = `Where recordings come in, and what operators see and do. Every refusal is a problem document
(RFC 9457) with a stable \`code\` and with what to do about it; docs/errors.md has them all.`;

/** Describes every route that is added after this, from the schemas by which it is checked. */
export async function describeRoutes(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Sluice', version, description: DESCRIPTION },
      tags: [
        { name: 'recordings', description: 'What was brought home, and what waits for it' },
        { name: 'line', description: 'How it goes on' },
        { name: 'events', description: 'What happens, as it happens' },
        { name: 'announcements', description: 'What the website is told' },
        { name: 'doors', description: 'Where recordings come in' },
        { name: 'health', description: 'Whether this process is well' },
      ],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
}

/** Leaves out what says nothing to readers: shapes that nothing refers to, and the patterns behind formats. */
function tidy(document: OpenAPIV3_1.Document): OpenAPIV3_1.Document {
  const text = JSON.stringify(document, (_key, value) => {
    if (value?.format === 'date-time') return { ...value, pattern: undefined };
    return value?.description === 'Default Response' ? { ...value, description: 'Done' } : value;
  });
  const tidied: OpenAPIV3_1.Document = JSON.parse(text);
  const schemas = Object.entries(tidied.components?.schemas ?? {});
  const used = schemas.filter(([name]) => text.includes(`"#/components/schemas/${name}"`));
  return { ...tidied, components: { schemas: Object.fromEntries(used) } };
}

/** The description of all routes, once they are there. */
export function openApiOf(app: FastifyInstance): OpenAPIV3_1.Document {
  return tidy(app.swagger() as OpenAPIV3_1.Document);
}

/** `GET /docs`: the description of all routes for people, and `GET /docs/openapi.json` for programs. */
export function addDocsPages(app: FastifyInstance): void {
  const hidden = { schema: { hide: true } };
  app.get('/docs/openapi.json', hidden, async () => openApiOf(app));
  app.get('/docs', hidden, async (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
      .send(pageOf(openApiOf(app))),
  );
}

const STYLE = `
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
  pre { overflow-x: auto; padding: 0.75rem; border: 1px solid #8884; border-radius: 6px; }
  details { border: 1px solid #8884; border-radius: 6px; margin: 0.5rem 0; padding: 0.5rem 0.75rem; }
  summary { cursor: pointer; }
  summary b { display: inline-block; min-width: 3.5rem; }
  td, th { text-align: left; vertical-align: top; padding: 0.15rem 0.75rem 0.15rem 0; }
`;

function pageOf({ info, tags = [], paths = {}, components }: OpenAPIV3_1.Document): string {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item ?? {}).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation: operation as OpenAPIV3_1.OperationObject,
    })),
  );
  const groups = tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags?.includes(name));
    return `<h2>${escapeHtml(name)}</h2><p>${escapeHtml(description ?? '')}</p>${own.map(operationHtml).join('')}`;
  });
  const shapes = Object.entries(components?.schemas ?? {}).map(
    ([name, schema]) =>
      `<details id="${escapeHtml(name)}"><summary>${escapeHtml(name)}</summary>${json(schema)}</details>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(info.title)} API</title><style>${STYLE}</style></head>
<body><h1>${escapeHtml(info.title)} ${escapeHtml(info.version)}</h1><p>${escapeHtml(info.description ?? '')}</p>
<p><a href="/docs/openapi.json">openapi.json</a></p>
${groups.join('\n')}
<h2>Shapes</h2>${shapes.join('\n')}
</body></html>
`;
}

function operationHtml({
  path,
  method,
  operation,
}: {
  path: string;
  method: string;
  operation: OpenAPIV3_1.OperationObject;
}): string {
  const { summary, description, parameters = [], requestBody, responses = {} } = operation;
  const rows = (parameters as OpenAPIV3_1.ParameterObject[]).map(
    ({ name, in: place, required, description: text }) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(place)}${required ? ', required' : ''}</td><td>${escapeHtml(text ?? '')}</td></tr>`,
  );
  const answers = Object.entries(responses).map(([status, answer]) => {
    const { description: text, content } = answer as OpenAPIV3_1.ResponseObject;
    const schema = Object.values(content ?? {})[0]?.schema;
    const name = schema && '$ref' in schema ? schema.$ref.split('/').at(-1) : undefined;
    const shape = name === undefined ? '' : `<a href="#${escapeHtml(name)}">${escapeHtml(name)}</a>`;
    return `<tr><td>${escapeHtml(status)}</td><td>${escapeHtml(text ?? '')}</td><td>${shape}</td></tr>`;
  });
  return `<details><summary><b>${method}</b> <code>${escapeHtml(path)}</code> ${escapeHtml(summary ?? '')}</summary>
${description === undefined ? '' : `<pre>${escapeHtml(description)}</pre>`}
${rows.length === 0 ? '' : `<table>${rows.join('')}</table>`}
${requestBody === undefined ? '' : `<p>Body:</p>${json(requestBody)}`}
<p>Answers:</p><table>${answers.join('')}</table></details>`;
}

function json(value: unknown): string {
  return `<pre>${escapeHtml(JSON.stringify(value, null, 2))}</pre>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
