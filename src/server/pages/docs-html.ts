import type { OpenAPIV3_1 } from 'openapi-types';
import { BRAND, escapeHtml, pageHead, stylePolicy, THEME } from './plain-page.ts';

const STYLE = `${THEME}
.docs { display: grid; gap: 2rem; max-width: 76rem; margin: 0 auto; padding: 1.25rem 1rem 4rem; }
.docs > *, .docs section { min-width: 0; }
.docs a.brand { display: flex; align-items: center; gap: 0.6rem; color: var(--ink); font-weight: 650; font-size: 1.125rem; text-decoration: none; }
.docs .brand rect { fill: var(--accent); }
.docs .brand path { fill: none; stroke: var(--on-accent); stroke-width: 3; stroke-linecap: round; }
.docs nav { display: grid; gap: 1rem; align-content: start; padding: 1rem 0; }
.docs nav ul { display: grid; gap: 0.125rem; }
.docs nav li a { text-decoration: none; overflow-wrap: anywhere; }
.docs main { display: grid; gap: 2.5rem; }
.docs section { display: grid; gap: 0.75rem; }
.docs details { border: 1px solid var(--line); border-radius: var(--radius); background: var(--surface); padding: 0.625rem 1rem; }
.docs details[open] { display: grid; gap: 0.75rem; }
.docs details > * + * { margin-top: 0.75rem; }
.docs summary { cursor: pointer; overflow-wrap: anywhere; }
.docs code, .docs pre { font-family: var(--mono); font-size: 0.8125rem; }
.docs pre { margin: 0; padding: 0.75rem; border-radius: 8px; background: var(--sunk); white-space: pre-wrap; overflow-wrap: anywhere; }
.docs .method { display: inline-block; min-width: 3.25rem; font: 650 0.8125rem var(--mono); color: var(--accent); }
.docs .prose { white-space: pre-line; }
.docs h3 { margin-top: 0.5rem; }
.docs table { width: 100%; border-collapse: collapse; }
.docs th, .docs td { padding: 0.3rem 0.75rem 0.3rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.docs tr > :first-child { width: 30%; font-weight: 400; }
@media (min-width: 60rem) {
  .docs { grid-template-columns: 16rem minmax(0, 1fr); }
  .docs nav { position: sticky; top: 0; max-height: 100vh; overflow-y: auto; }
}
`;

/** What the page may do: show itself. */
export const DOCS_PAGE_POLICY = stylePolicy(STYLE);

type Schema = Readonly<Record<string, unknown>>;

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operation: OpenAPIV3_1.OperationObject;
}

/** The description of the API for people, as a page without scripts. */
export function docsPage(
  { info, tags = [], components }: OpenAPIV3_1.Document,
  operations: readonly Operation[],
): string {
  const groups = tags.map(({ name, description = '' }) => ({
    name,
    description,
    own: operations.filter(({ operation }) => operation.tags?.includes(name)),
  }));
  const links = groups.map(
    ({ name, own }) =>
      `<div><h2><a href="#tag-${name}">${escapeHtml(name)}</a></h2><ul>${own
        .map(
          ({ path, method, operation: { operationId = '' } }) =>
            `<li class="small"><a href="#${operationId}">${method} ${escapeHtml(path)}</a></li>`,
        )
        .join('')}</ul></div>`,
  );
  const sections = groups.map(
    ({ name, description, own }) =>
      `<section aria-labelledby="tag-${name}"><h2 id="tag-${name}">${escapeHtml(name)}</h2>
<p class="muted">${escapeHtml(description)}</p>${own.map(operationHtml).join('\n')}</section>`,
  );
  const schemes = Object.entries(components?.securitySchemes ?? {}).map(
    ([name, scheme]) =>
      [`<code>${escapeHtml(name)}</code>`, text((scheme as Schema)['description'])] as const,
  );
  const shapes = Object.entries(components?.schemas ?? {}).map(
    ([name, schema]) => `<details id="${escapeHtml(name)}"><summary><b>${escapeHtml(name)}</b></summary>
${shapeHtml(schema as Schema)}</details>`,
  );
  return `${pageHead({ title: `API · ${info.title}`, style: STYLE })}
<body>
<div class="docs">
<nav aria-label="Operations" tabindex="0">
<a class="brand" href="/">${BRAND}${escapeHtml(info.title)}</a>
${links.join('\n')}
<div><h2><a href="#shapes">Shapes</a></h2></div>
</nav>
<main>
<section><h1>API of ${escapeHtml(info.title)} ${escapeHtml(info.version)}</h1>
<p>${text(info.description)}</p>
<p><a href="/docs/openapi.json">openapi.json</a> says the same to programs.</p>
${tableHtml('How a caller shows who it is', schemes)}</section>
${sections.join('\n')}
<section aria-labelledby="shapes"><h2 id="shapes">Shapes</h2>${shapes.join('\n')}</section>
</main>
</div>
</body>
</html>
`;
}

function operationHtml({ path, method, operation }: Operation): string {
  const {
    operationId = '',
    summary = '',
    description,
    parameters = [],
    requestBody,
    responses = {},
  } = operation;
  const rows = (parameters as OpenAPIV3_1.ParameterObject[]).map(
    ({ name, in: place, required, description: told, schema }) =>
      [
        `<code>${escapeHtml(name)}</code>`,
        `${typeHtml(schema as Schema)}, ${escapeHtml(place)}${required ? ', required' : ''} ${text(told)}`,
      ] as const,
  );
  const content = (requestBody as OpenAPIV3_1.RequestBodyObject | undefined)?.content ?? {};
  const [[contentType, media] = []] = Object.entries(content);
  const body = media?.schema as Schema | undefined;
  const answers = Object.entries(responses).map(([status, answer]) => {
    const { description: told, content: shapes } = answer as OpenAPIV3_1.ResponseObject;
    const schema = Object.values(shapes ?? {})[0]?.schema as Schema | undefined;
    return [escapeHtml(status), `${text(told)} ${schema === undefined ? '' : typeHtml(schema)}`] as const;
  });
  const example = curlOf({ path, method, operation }, contentType, media?.example);
  return `<details id="${operationId}"><summary><span class="method">${method}</span> <code>${escapeHtml(path)}</code>
<span class="muted">${escapeHtml(summary)}</span></summary>
<p class="small muted"><code>${operationId}</code>, ${securityHtml(operation)}</p>
${description === undefined ? '' : `<p class="prose">${text(description)}</p>`}
${tableHtml('Parameters', rows)}
${body === undefined ? '' : `<h3>Body</h3><p class="small muted"><code>${escapeHtml(contentType ?? '')}</code></p>${shapeHtml(body)}`}
${tableHtml('Answers', answers)}
<h3>Example</h3><pre>${escapeHtml(example)}</pre></details>`;
}

function securityHtml({ security = [] }: OpenAPIV3_1.OperationObject): string {
  if (security.length === 0) return 'for anyone';
  const ways = security.map((each) => Object.keys(each)[0] ?? 'nothing, on this machine');
  return `with ${ways.map(escapeHtml).join(', or ')}`;
}

/** How a shell asks for it. */
function curlOf({ path, method, operation }: Operation, type: string | undefined, example: unknown): string {
  const isOpen = !operation.security?.some((each) => 'bearer' in each);
  return [
    `curl${method === 'GET' ? '' : ` -X ${method}`}`,
    isOpen ? '' : '-H "Authorization: Bearer $TOKEN"',
    type === undefined || example === undefined
      ? ''
      : `-H 'Content-Type: ${type}' -d '${JSON.stringify(example)}'`,
    `"http://127.0.0.1:9009${path.replace(/\{(\w+)\}/g, (_all, name: string) => `$${name.toUpperCase()}`)}"`,
  ]
    .filter(Boolean)
    .join(' ');
}

/** The fields of an object; of anything else what it is. */
function shapeHtml(schema: Schema): string {
  const fields = schema['properties'] as Readonly<Record<string, Schema>> | undefined;
  const told = schema['description'] === undefined ? '' : `<p>${text(schema['description'])}</p>`;
  if (fields === undefined) return `${told}<p>${typeHtml(schema)}</p>`;
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const rows = Object.entries(fields).map(([name, field]) => {
    const isNeeded = required.includes(name) ? '' : ', optional';
    return [
      `<code>${escapeHtml(name)}</code>`,
      `${typeHtml(field)}${isNeeded} ${text(field['description'])}`,
    ] as const;
  });
  return told + tableHtml('', rows);
}

/** What kind of value it is, with links to the shapes that have a name. */
function typeHtml(schema: Schema | undefined): string {
  if (schema === undefined) return '';
  const { $ref: ref, enum: values, const: only, type, items, format, properties } = schema;
  const several = (schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf']) as readonly Schema[] | undefined;
  if (typeof ref === 'string') {
    const name = ref.split('/').at(-1) ?? '';
    return `<a href="#${escapeHtml(name)}">${escapeHtml(name)}</a>`;
  }
  if (Array.isArray(values)) return values.map((value) => `<code>${text(value)}</code>`).join(' | ');
  if (only !== undefined) return `<code>${text(only)}</code>`;
  if (several !== undefined) return several.map(typeHtml).join(' | ');
  if (type === 'array') return `list of ${typeHtml(items as Schema)}`;
  if (type === 'object' && properties !== undefined) {
    const fields = Object.entries(properties as Readonly<Record<string, Schema>>);
    return `{ ${fields.map(([name, field]) => `${escapeHtml(name)}: ${typeHtml(field)}`).join(', ')} }`;
  }
  return `${text([type ?? 'anything'].flat().join(' | '))}${format === undefined ? '' : ` (${text(format)})`}`;
}

function tableHtml(heading: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return '';
  const body = rows.map(([head, cell]) => `<tr><th scope="row">${head}</th><td>${cell}</td></tr>`).join('');
  return `${heading === '' ? '' : `<h3>${heading}</h3>`}<table>${body}</table>`;
}

/** Text with what stands between backticks as code. */
function text(value: unknown): string {
  if (value === undefined || value === null) return '';
  return escapeHtml(String(value)).replace(/`([^`]*)`/g, '<code>$1</code>');
}
