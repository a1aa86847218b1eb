import { z } from 'zod';
import { messageOf, WorkerSetupError } from './errors.ts';

/** A JSON schema, of which only what is looked at here is known. */
export type JsonSchema = { readonly [key: string]: unknown };

/** The JSON schema (draft 7) of a worker's parameters, as its description carries it. */
export function toJsonSchema(parameters: z.ZodObject, title: string): JsonSchema {
  let made: JsonSchema;
  try {
    made = z.toJSONSchema(parameters, { target: 'draft-7', io: 'input' });
  } catch (error) {
    throw new WorkerSetupError(`The parameters cannot be told as a JSON schema: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const { $schema, ...rest } = made;
  return { $schema, title, required: [], definitions: {}, ...rest };
}

/** The schema of one parameter; `undefined`: the worker declares none of this name. */
export function propertyOf(root: JsonSchema, id: string): JsonSchema | undefined {
  const { properties } = root;
  return isRecord(properties) && Object.hasOwn(properties, id) ? asSchema(properties[id]) : undefined;
}

/**
 * A value as the schema wants it, where that is beyond doubt: numbers and booleans that came as text, booleans that came as numbers,
 * also inside arrays. What cannot be converted stays as it is, for the schema to refuse.
 */
export function convert(value: unknown, schema: JsonSchema, root: JsonSchema): unknown {
  const types = typesOf(schema, root);
  if (Array.isArray(value)) {
    const items = itemsOf(schema, root);
    return items === undefined ? value : value.map((item) => convert(item, items, root));
  }
  if (typeof value === 'number' && types.has('boolean') && !types.has('number') && !types.has('integer')) {
    return value !== 0;
  }
  if (typeof value !== 'string' || types.has('string')) return value;
  if ((types.has('number') || types.has('integer')) && isNumberText(value)) return Number(value);
  if (types.has('boolean') && isBooleanText(value)) return value === 'true';
  return value;
}

/** Whether a text is to stay one, even if it could be read as JSON. */
export function wantsText(schema: JsonSchema | undefined, root: JsonSchema): boolean {
  return schema !== undefined && typesOf(schema, root).has('string');
}

export function isNumberText(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
}

export function isBooleanText(text: string): boolean {
  return text === 'true' || text === 'false';
}

function typesOf(schema: JsonSchema, root: JsonSchema): Set<string> {
  const types = new Set<string>();
  for (const each of alternativesOf(schema, root)) {
    const { type, enum: values, const: only } = each;
    for (const name of [type].flat()) if (typeof name === 'string') types.add(name);
    if (type !== undefined) continue;
    const examples = Array.isArray(values) ? values : only === undefined ? [] : [only];
    for (const example of examples) types.add(typeof example);
  }
  return types;
}

function itemsOf(schema: JsonSchema, root: JsonSchema): JsonSchema | undefined {
  return alternativesOf(schema, root)
    .map(({ items }) => asSchema(items))
    .find((items) => items !== undefined);
}

/** A schema with all that it refers to, and all that it leaves the choice between. */
function alternativesOf(schema: JsonSchema, root: JsonSchema, seen = new Set<JsonSchema>()): JsonSchema[] {
  if (seen.has(schema)) return [];
  seen.add(schema);
  const { $ref, anyOf, oneOf, allOf } = schema;
  const definitions = isRecord(root['definitions']) ? root['definitions'] : {};
  const referred = typeof $ref === 'string' ? definitions[$ref.replace('#/definitions/', '')] : undefined;
  const further = [referred, anyOf, oneOf, allOf].flat().map(asSchema);
  return [schema, ...further.flatMap((each) => (each === undefined ? [] : alternativesOf(each, root, seen)))];
}

function asSchema(value: unknown): JsonSchema | undefined {
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
