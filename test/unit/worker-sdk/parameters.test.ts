import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ParameterValueError, RequirementsError } from '../../../packages/worker-sdk/src/errors.ts';
import type { Parameter, ParameterKind } from '../../../packages/worker-sdk/src/order.ts';
import { toJsonSchema } from '../../../packages/worker-sdk/src/parameter-schema.ts';
import { checkRequirements, readParameters } from '../../../packages/worker-sdk/src/parameters.ts';
import { createStores } from '../../../packages/worker-sdk/src/stores.ts';

const env = {
  PLAIN: 'a text',
  OBJECT: '{"a":[1,2]}',
  PASSWORD: '12345',
};

function read<Schema extends z.ZodObject>(schema: Schema, parameters: readonly Parameter[]) {
  const readStore = createStores({ env, fetch });
  return readParameters(parameters, { schema, jsonSchema: toJsonSchema(schema, 'tests'), readStore });
}

const one = (type: ParameterKind, value: unknown) => [{ id: 'it', type, value }];

describe('parameters', () => {
  it.each([
    ['string', 'a', z.string(), 'a'],
    ['integer', 12, z.int(), 12],
    ['integer', '12', z.int(), 12],
    ['integer', '-3', z.int(), -3],
    ['float', 1.5, z.number(), 1.5],
    ['float', '1.5', z.number(), 1.5],
    ['number', '2', z.number(), 2],
    ['boolean', true, z.boolean(), true],
    ['boolean', 'false', z.boolean(), false],
    ['boolean', 0, z.boolean(), false],
    ['boolean', 2, z.boolean(), true],
    ['array_of_strings', ['a', 'b'], z.array(z.string()), ['a', 'b']],
    ['array_of_integers', [1, '2'], z.array(z.int()), [1, 2]],
    [
      'array_of_media_segments',
      [{ start: 0, end: 60_000 }],
      z.array(z.object({ start: z.int(), end: z.int() })),
      [{ start: 0, end: 60_000 }],
    ],
    ['requirements', { paths: ['/a'] }, z.object({ paths: z.array(z.string()) }), { paths: ['/a'] }],
  ] as const)('W2 W4 reads %s %j', async (kind, value, schema, expected) => {
    expect(await read(z.object({ it: schema }), one(kind, value))).toEqual({ it: expected });
  });

  it.each([
    ['a text for an integer', z.int(), '12', 12],
    ['a text for a number that may be left out', z.number().optional(), '0.5', 0.5],
    ['a text for a boolean', z.boolean(), 'true', true],
    ['texts for integers', z.array(z.int()), ['1', '2'], [1, 2]],
  ] as const)('W4 converts by the schema of the worker: %s', async (_name, schema, value, expected) => {
    const kind = Array.isArray(value) ? 'array_of_strings' : 'string';

    expect(await read(z.object({ it: schema }), one(kind, value))).toEqual({ it: expected });
  });

  it('W4 leaves a text a text where the worker takes both', async () => {
    const schema = z.object({ it: z.union([z.string(), z.int()]) });

    expect(await read(schema, one('string', '12'))).toEqual({ it: '12' });
  });

  it('W3 takes the value before the default, and leaves out what has neither', async () => {
    const schema = z.object({ a: z.int(), b: z.int(), c: z.int().optional(), d: z.int().default(4) });

    expect(
      await read(schema, [
        { id: 'a', type: 'integer', value: 1, default: 9 },
        { id: 'b', type: 'integer', default: '2' },
        { id: 'c', type: 'integer' },
        { id: 'd', type: 'integer' },
      ]),
    ).toEqual({ a: 1, b: 2, d: 4 });
  });

  it.each([
    ['integer', '12.5', z.int()],
    ['integer', 12.5, z.int()],
    ['integer', 12.5, z.number()],
    ['integer', 'twelve', z.int()],
    ['integer', '9007199254740993', z.int()],
    ['float', '', z.number()],
    ['float', '0x10', z.number()],
    ['boolean', 'yes', z.boolean()],
    ['string', 5, z.string()],
    ['array_of_strings', 'a', z.array(z.string())],
    ['array_of_integers', [1, 'b'], z.array(z.int())],
    ['array_of_media_segments', [{ start: -1, end: 5 }], z.array(z.unknown())],
    ['requirements', 5, z.unknown()],
    ['string', 'a', z.int()],
    ['integer', 1, z.string()],
  ] as const)('W5 refuses %s %j by the name of the parameter', async (kind, value, schema) => {
    const refused = read(z.object({ it: schema }), one(kind, value));

    await expect(refused).rejects.toThrow(ParameterValueError);
    await expect(refused).rejects.toMatchObject({ parameterId: 'it' });
    await expect(refused).rejects.toThrow(/^Parameter "it": /);
  });

  it('W5 names the parameter that is missing', async () => {
    await expect(read(z.object({ source_path: z.string() }), [])).rejects.toThrow(
      /^Parameter "source_path": /,
    );
  });

  it('ignores parameters that the worker does not declare, unless it takes any', async () => {
    const more: Parameter[] = [{ id: 'more', type: 'boolean', value: 'odd' }, ...one('string', 'a')];

    expect(await read(z.strictObject({ it: z.string() }), more)).toEqual({ it: 'a' });
    expect(
      await read(z.looseObject({ it: z.string() }), [
        { id: 'more', type: 'integer', value: 1 },
        ...more.slice(1),
      ]),
    ).toEqual({ it: 'a', more: 1 });
  });

  it.each(['env', 'ENV', 'environment'])(
    'W6 reads a value with the store %s in the environment',
    async (store) => {
      const schema = z.object({
        a: z.string(),
        b: z.object({ a: z.array(z.int()) }),
        c: z.string(),
        d: z.int(),
      });

      expect(
        await read(schema, [
          { id: 'a', type: 'string', value: 'PLAIN', store },
          { id: 'b', type: 'string', value: 'OBJECT', store },
          { id: 'c', type: 'string', value: 'PASSWORD', store },
          { id: 'd', type: 'string', default: 'PASSWORD', store },
        ]),
      ).toEqual({ a: 'a text', b: { a: [1, 2] }, c: '12345', d: 12345 });
    },
  );

  it('W6 names the parameter whose store does not have its value', async () => {
    const schema = z.object({ it: z.string() });

    await expect(
      read(schema, [{ id: 'it', type: 'string', value: 'NOWHERE', store: 'env' }]),
    ).rejects.toThrow('Parameter "it": the environment has no NOWHERE');
    await expect(read(schema, [{ id: 'it', type: 'integer', value: 5, store: 'env' }])).rejects.toThrow(
      'Parameter "it": its key in the store env is no text',
    );
    await expect(read(schema, [{ id: 'it', type: 'string', value: 'A', store: 'a b' }])).rejects.toThrow(
      'Parameter "it": "a b" is no name of a store',
    );
  });

  it('W5 never tells a value, which may be a secret', async () => {
    const schema = z.object({ it: z.int() });

    await expect(
      read(schema, [{ id: 'it', type: 'string', value: 'PLAIN', store: 'env' }]),
    ).rejects.not.toThrow(/a text/);
  });
});

describe('requirements', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'requirements-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const requiring = (...paths: string[]): Parameter[] => [
    { id: 'requirements', type: 'requirements', value: { paths } },
  ];

  it('W8 goes on where all required paths exist, and names those that do not', async () => {
    const missing = [join(folder, 'a'), join(folder, 'b')];

    await checkRequirements(requiring(folder));
    await checkRequirements([{ id: 'requirements', type: 'requirements' }]);
    const refused = checkRequirements(requiring(...missing, folder));

    await expect(refused).rejects.toThrow(RequirementsError);
    await expect(refused).rejects.toMatchObject({ missingPaths: missing });
  });
});

describe('the schema of the parameters', () => {
  it('W9 is made from the type that the worker declares', () => {
    const schema = z.object({
      source_path: z.string().describe('Where it lies'),
      crf: z.int().min(0).max(51).default(23),
      segments: z.array(z.object({ start: z.int(), end: z.int() })).optional(),
    });

    expect(toJsonSchema(schema, 'my-worker')).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      title: 'my-worker',
      type: 'object',
      required: ['source_path'],
      properties: {
        source_path: { type: 'string', description: 'Where it lies' },
        crf: { type: 'integer', minimum: 0, maximum: 51, default: 23 },
        segments: { type: 'array' },
      },
      definitions: {},
    });
  });

  it('W9 refuses a type that no JSON schema can tell', () => {
    expect(() => toJsonSchema(z.object({ when: z.date() }), 'my-worker')).toThrow(
      /The parameters cannot be told as a JSON schema: /,
    );
  });
});
