import type { SimulatorRequest } from '../shared/simulator.ts';
import { B2Refusal, badRequest } from './errors.ts';

/** A call's parameters, from the query of a GET or the JSON object of a POST. An absent, null or empty one is absent. */
export interface Params {
  text(name: string): string;
  optionalText(name: string): string | undefined;
  /** A whole number from `min` (default 1) to `max`; `otherwise` when absent. */
  count(name: string, otherwise: number, max: number, min?: number): number;
  /** A list of strings; refused when absent. */
  texts(name: string): readonly string[];
  /** An object of strings; empty when absent. */
  record(name: string): Readonly<Record<string, string>>;
}

/** Reads the parameters of a call; refuses a body that is not a JSON object. */
export async function readParams(request: SimulatorRequest): Promise<Params> {
  const values =
    request.method === 'GET' ? Object.fromEntries(request.url.searchParams) : await body(request);
  const get = (name: string): unknown => {
    const value = values[name];
    return value === null || value === '' ? undefined : value;
  };

  function optionalText(name: string): string | undefined {
    const value = get(name);
    if (value === undefined || typeof value === 'string') return value;
    throw badRequest(`${name} must be a string`);
  }

  return {
    optionalText,
    text(name) {
      const value = optionalText(name);
      if (value === undefined) throw badRequest(`required field ${name} is missing`);
      return value;
    },
    count(name, otherwise, max, min = 1) {
      const count = Number(get(name) ?? otherwise);
      if (Number.isInteger(count) && count >= min && count <= max) return count;
      throw new B2Refusal(400, 'out_of_range', `${name} must be a whole number from ${min} to ${max}`);
    },
    texts(name) {
      const value = get(name);
      if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
      throw badRequest(`${name} must be an array of strings`);
    },
    record(name) {
      const value = get(name) ?? {};
      if (isRecord(value) && Object.values(value).every((each) => typeof each === 'string')) {
        return value as Record<string, string>;
      }
      throw badRequest(`${name} must be an object of strings`);
    },
  };
}

async function body(request: SimulatorRequest): Promise<Record<string, unknown>> {
  const value = await request.json();
  if (isRecord(value)) return value;
  throw new B2Refusal(400, 'bad_json', 'The body must be a JSON object');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
