import { access } from 'node:fs/promises';
import type { z } from 'zod';
import { messageOf, ParameterValueError, RequirementsError } from './errors.ts';
import type { Parameter } from './order.ts';
import { readKind } from './parameter-kinds.ts';
import { convert, type JsonSchema, propertyOf, wantsText } from './parameter-schema.ts';
import type { ReadStore } from './stores.ts';

export interface ParameterReader<Schema extends z.ZodObject> {
  readonly schema: Schema;
  readonly jsonSchema: JsonSchema;
  readonly readStore: ReadStore;
}

/**
 * The parameters of an order as the worker declares them: of each, its value before its default, read in its store if it has one, of its
 * kind, and of the type that the worker's schema says. The first that is wrong is thrown as a `ParameterValueError`.
 */
export async function readParameters<Schema extends z.ZodObject>(
  parameters: readonly Parameter[],
  { schema, jsonSchema, readStore }: ParameterReader<Schema>,
): Promise<z.output<Schema>> {
  const given: Record<string, unknown> = {};
  for (const parameter of parameters) {
    const property = propertyOf(jsonSchema, parameter.id);
    if (property === undefined && !takesOthers(jsonSchema)) continue;
    const value = parameter.value ?? parameter.default;
    if (value === undefined) continue;
    const read = await readValue(parameter, value, {
      staysText: wantsText(property, jsonSchema),
      readStore,
    });
    given[parameter.id] = property === undefined ? read : convert(read, property, jsonSchema);
  }
  const parsed = await schema.safeParseAsync(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const [id = 'parameters', ...place] = issue?.path ?? [];
  const where = place.length === 0 ? '' : ` (at ${place.join('.')})`;
  throw new ParameterValueError(String(id), `${issue?.message}${where}`);
}

/** Throws a `RequirementsError` unless all paths that the order requires exist. */
export async function checkRequirements(parameters: readonly Parameter[]): Promise<void> {
  const missing: string[] = [];
  for (const { id, type, value, default: fallback } of parameters) {
    if (type !== 'requirements') continue;
    const read = readKind(type, value ?? fallback ?? {});
    if ('problem' in read) throw new ParameterValueError(id, read.problem);
    const { paths = [] } = read.value as { paths?: readonly string[] };
    for (const path of paths) {
      if (!(await exists(path))) missing.push(path);
    }
  }
  if (missing.length > 0) throw new RequirementsError(missing);
}

async function readValue(
  { id, type, store }: Parameter,
  value: unknown,
  { staysText, readStore }: { staysText: boolean; readStore: ReadStore },
): Promise<unknown> {
  const code = store ?? (type === 'credential' ? 'BACKEND' : undefined);
  if (code === undefined) {
    const read = readKind(type, value);
    if ('problem' in read) throw new ParameterValueError(id, read.problem);
    return read.value;
  }
  if (typeof value !== 'string') throw new ParameterValueError(id, `its key in the store ${code} is no text`);
  let text: string;
  try {
    text = await readStore(code, value);
  } catch (error) {
    throw new ParameterValueError(id, messageOf(error), { cause: error });
  }
  return staysText ? text : jsonOrText(text);
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whether the worker also wants what it does not name. Orchestrators send more than it asks for, so this is never a reason to refuse. */
function takesOthers({ additionalProperties }: JsonSchema): boolean {
  return additionalProperties !== undefined && additionalProperties !== false;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
