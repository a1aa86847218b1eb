import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isListType,
  isObjectType,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql/index.js';
import { KnownError } from '../domain/errors.ts';

/** How many fields may stand in each other. */
export const MOST_DEPTH = 8;

/** How many of a list may be asked for at once. */
export const MOST_FIRST = 200;

/**
 * What one request may cost: a field of an answer costs 1, as often as a list has it; of lists that do not say how long they may be ten
 * are counted. What changes something costs more.
 */
export const MOST_COST = 20_000;
const CHANGE_COST = 1000;
const LIST_OF_UNKNOWN_LENGTH = 10;

/** What the schema itself is asked for by: that has bounds of its own, and costs what it says. */
const INTROSPECTION = /^__/;

/** What is asked for in all, and how deep. */
interface Measure {
  readonly depth: number;
  readonly cost: number;
}

const NOTHING: Measure = { depth: 0, cost: 0 };

/**
 * Measures an operation of a document that is valid, before anything of it is carried out.
 *
 * @throws KnownError `REQUEST_INVALID` for one that goes too deep or asks for too much
 */
export function requireWithin(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): void {
  const { depth, cost } = measure(schema, document, operation, variables);
  if (depth > MOST_DEPTH) throw tooMuch(`It goes ${depth} fields deep: ${MOST_DEPTH} is the most`);
  if (cost > MOST_COST) {
    throw tooMuch(
      `It may cost ${cost} fields, and ${MOST_COST} is the most: ask for fewer of them, or for a smaller page`,
    );
  }
}

/** How deep an operation goes, and how many fields its answer may have. */
export function measure(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Measure {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const each of document.definitions) {
    if (each.kind === 'FragmentDefinition') fragments.set(each.name.value, each);
  }
  // Each is measured once, however often it is named.
  const measured = new Map<string, Measure>();

  function ofSelections({ selections }: SelectionSetNode, type: GraphQLNamedType | undefined): Measure {
    return selections
      .map((selection): Measure => {
        if (selection.kind === 'Field') return ofField(selection, type);
        if (selection.kind === 'FragmentSpread') return ofFragment(selection.name.value);
        const name = selection.typeCondition?.name.value;
        return ofSelections(selection.selectionSet, name === undefined ? type : schema.getType(name));
      })
      .reduce(both, NOTHING);
  }

  function ofFragment(name: string): Measure {
    const known = measured.get(name);
    if (known !== undefined) return known;
    const fragment = fragments.get(name);
    const found =
      fragment === undefined
        ? NOTHING
        : ofSelections(fragment.selectionSet, schema.getType(fragment.typeCondition.name.value));
    measured.set(name, found);
    return found;
  }

  function ofField(field: FieldNode, parent: GraphQLNamedType | undefined): Measure {
    const name = field.name.value;
    if (INTROSPECTION.test(name)) return { depth: 1, cost: 1 };
    const definition = isObjectType(parent) ? parent.getFields()[name] : undefined;
    const own = parent === schema.getMutationType() ? CHANGE_COST : 1;
    if (field.selectionSet === undefined || definition === undefined) return { depth: 1, cost: own };
    const inner = ofSelections(field.selectionSet, getNamedType(definition.type));
    return { depth: 1 + inner.depth, cost: own + inner.cost * lengthOf(field, definition, variables) };
  }

  const root = operation.operation === 'mutation' ? schema.getMutationType() : schema.getQueryType();
  return ofSelections(operation.selectionSet, root ?? undefined);
}

function both(one: Measure, other: Measure): Measure {
  return { depth: Math.max(one.depth, other.depth), cost: one.cost + other.cost };
}

/** How many of what a field has there may be. */
function lengthOf(
  { arguments: given = [] }: FieldNode,
  { args, name, type }: GraphQLField<unknown, unknown>,
  variables: Readonly<Record<string, unknown>>,
): number {
  const first = args.find((arg) => arg.name === 'first');
  if (first === undefined) {
    // Of a page its field with `first` has said it already.
    return isListType(getNullableType(type)) && name !== 'nodes' ? LIST_OF_UNKNOWN_LENGTH : 1;
  }
  const value = given.find((arg) => arg.name.value === 'first')?.value;
  const said =
    value?.kind === 'IntValue'
      ? Number(value.value)
      : value?.kind === 'Variable'
        ? variables[value.name.value]
        : undefined;
  const wanted = typeof said === 'number' ? said : Number(first.defaultValue ?? MOST_FIRST);
  return Math.max(1, wanted);
}

function tooMuch(message: string): KnownError {
  return new KnownError(message, { code: 'REQUEST_INVALID' });
}
