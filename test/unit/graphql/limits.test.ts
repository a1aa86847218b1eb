import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, getOperationAST, parse } from 'graphql/index.js';
import { describe, expect, it } from 'vitest';
import { MOST_COST, MOST_DEPTH, MOST_FIRST, measure, requireWithin } from '../../../src/graphql/limits.ts';
import { SHELF } from '../../../web/dashboard/questions.ts';

const sdl = readFileSync(join(import.meta.dirname, '../../../src/graphql/schema.graphql'), 'utf8');
const schema = buildSchema(sdl);

function ask(query: string) {
  const document = parse(query);
  const operation = getOperationAST(document);
  if (operation == null) throw new Error('there is no operation');
  return { document, operation };
}

function measured(query: string, variables = {}) {
  const { document, operation } = ask(query);
  return measure(schema, document, operation, variables);
}

describe('what a request may cost', () => {
  it.each([
    ['{ systemStatus { version } }', 2, 2],
    ['{ presets { id name } }', 2, 1 + 10 * 2],
    ['{ assets { id } }', 2, 1 + 200],
    ['{ assetsPage(first: 10) { nodes { id status } pageInfo { endCursor } } }', 3, 1 + 10 * (1 + 2 + 1 + 1)],
    ['{ assetsPage(first: 10) { nodes { jobs(first: 3) { id } } } }', 4, 1 + 10 * (1 + 1 + 3)],
    ['{ ...two } fragment two on Query { presets { id } more: presets { id } }', 2, 22],
    ['{ assets { ... on Asset { id } } }', 2, 201],
    ['mutation { a: deleteAsset(id: 1) { ok } b: deleteAsset(id: 2) { ok } }', 2, 2 * 1001],
    ['{ __schema { types { fields { name } } } }', 1, 1],
  ])('%s goes %i deep and costs %i', (query, depth, cost) => {
    expect(measured(query)).toEqual({ depth, cost });
  });

  it('counts what a variable says, and the usual where it says nothing', () => {
    const query = 'query ($first: Int) { assets(first: $first) { id } }';
    expect(measured(query, { first: 5 }).cost).toBe(6);
    expect(measured(query, {}).cost).toBe(201);
  });

  it('is enough for the page of the library, however many assets that shows', () => {
    expect(measured(SHELF, { first: MOST_FIRST }).cost).toBeLessThanOrEqual(MOST_COST);
  });

  it('is measured at once, however often fragments name each other', () => {
    const many = Array.from(
      { length: 100 },
      (_, at) => `fragment f${at} on Asset { ...f${at + 1} ...f${at + 1} }`,
    );
    const query = `{ asset(id: 1) { ...f0 } } ${many.join(' ')} fragment f100 on Asset { id }`;

    expect(measured(query).cost).toBeGreaterThan(MOST_COST);
  });

  it('and how deep it may go is said in the refusal', () => {
    const deep = ask(
      `{ assets(first: 1) ${'{ jobs(first: 1) { asset '.repeat(4)}{ id }${' } }'.repeat(4)} }`,
    );
    const refuse = (of: ReturnType<typeof ask>) => () => requireWithin(schema, of.document, of.operation, {});

    expect(refuse(deep)).toThrow(new RegExp(`10 fields deep: ${MOST_DEPTH} is the most`));
    expect(refuse(ask('{ assets(first: 200) { jobs(first: 200) { id } } }'))).toThrow(
      /may cost 40201 fields/,
    );
    expect(
      refuse(ask('{ assets(first: 50) { id filename jobs(first: 20) { id status progress } } }')),
    ).not.toThrow();
  });
});
