import { KnownError } from '../domain/errors.ts';
import {
  bucketOfPlace,
  isBucketName,
  isOutputAddress,
  type OutputAddress,
  outputExists,
  readOutputAddress,
} from '../domain/output-address.ts';
import type { Plan, TaskShapes } from '../domain/recipe.ts';

/** Where outputs can go, as far as it is asked for before a run is accepted. */
export interface AddressedPlaces {
  /** @throws KnownError `OUTPUT_NOT_ALLOWED` of a bucket that nobody may name */
  get(name: string): AddressedPlace | undefined;
}

interface AddressedPlace {
  readonly place: string;
  /** @throws KnownError `OUTPUT_BUCKET_MISSING` */
  require(call: { readonly isMade: boolean; readonly signal: AbortSignal }): Promise<void>;
  look(input: { readonly key: string; readonly signal: AbortSignal }): Promise<unknown>;
}

/** An output of a run whose caller has said where it goes. */
interface Addressed {
  readonly step: string;
  readonly address: OutputAddress;
  readonly keys: readonly string[];
  readonly createBucket: boolean;
  readonly dontReplace: boolean;
}

/**
 * Makes sure that the outputs of a run can go where its caller has named, before anything of it is accepted: that nobody else
 * of it goes there, that there is a bucket or one can be made, and that nothing is in the way of what must not replace it.
 *
 * @throws KnownError `REQUEST_INVALID`, `OUTPUT_NOT_ALLOWED`, `OUTPUT_BUCKET_MISSING`, `OUTPUT_EXISTS`, or how a service refuses
 */
export async function checkAddresses(
  plan: Plan,
  {
    tasks,
    places,
    signal,
  }: { readonly tasks: TaskShapes; readonly places: AddressedPlaces; readonly signal: AbortSignal },
): Promise<void> {
  const addressed = addressedIn(plan, tasks);
  requireApart(addressed);
  requireNames(addressed);
  for (const name of new Set(addressed.map(({ address }) => address.place))) {
    const outputs = addressed.filter(({ address }) => address.place === name);
    const place = places.get(name);
    if (place === undefined) throw invalid(`${outputs[0]?.step}.to: there is no place of outputs "${name}"`);
    await place.require({ isMade: outputs.some(({ createBucket }) => createBucket), signal });
    for (const { keys, dontReplace } of outputs) {
      for (const key of dontReplace ? keys : []) {
        if ((await place.look({ key, signal })) === undefined) continue;
        throw outputExists(`${place.place}/${key}`);
      }
    }
  }
}

/** What has to be looked for where the outputs of a run go: once per place, whichever of them ask for it. */
export interface PlaceCheck {
  readonly place: string;
  readonly isMade: boolean;
  /** At which nothing may lie. */
  readonly freeKeys: readonly string[];
}

/**
 * The same without asking anybody: what is wrong by itself is refused, and the rest is said, for a step of the run to look at.
 *
 * @throws KnownError `REQUEST_INVALID`
 */
export function planChecks(plan: Plan, tasks: TaskShapes): PlaceCheck[] {
  const addressed = addressedIn(plan, tasks);
  requireApart(addressed);
  requireNames(addressed);
  return [...new Set(addressed.map(({ address }) => address.place))].map((place) => {
    const outputs = addressed.filter(({ address }) => address.place === place);
    return {
      place,
      isMade: outputs.some(({ createBucket }) => createBucket),
      freeKeys: outputs.flatMap(({ keys, dontReplace }) => (dontReplace ? keys : [])),
    };
  });
}

/** @throws KnownError `REQUEST_INVALID` where a bucket is to be made that nobody could make */
function requireNames(addressed: readonly Addressed[]): void {
  for (const { step, address, createBucket } of addressed) {
    const bucket = bucketOfPlace(address.place);
    if (!createBucket || bucket === undefined || isBucketName(bucket)) continue;
    throw invalid(`${step}.to: "${bucket}" cannot be the name of a bucket that is to be made`);
  }
}

function addressedIn({ steps }: Plan, tasks: TaskShapes): Addressed[] {
  return steps.flatMap(({ id: step, task, params }) => {
    const { to, createBucket, dontReplace } = Object(params) as Partial<Record<string, unknown>>;
    const { keysAt } = tasks.get(task) ?? {};
    if (keysAt === undefined || typeof to !== 'string' || !isOutputAddress(to)) return [];
    const address = readOutputAddress(to);
    const keys = keysAt(address.key, params);
    return [{ step, address, keys, createBucket: createBucket === true, dontReplace: dontReplace === true }];
  });
}

/** @throws KnownError `REQUEST_INVALID` where two go to the same key */
function requireApart(addressed: readonly Addressed[]): void {
  const taken = new Map<string, string>();
  for (const { step, address, keys } of addressed) {
    for (const key of keys) {
      const where = `${address.place}/${key}`;
      const other = taken.get(where);
      if (other !== undefined) throw invalid(`${step}.to: "${other}" goes to ${where} as well`);
      taken.set(where, step);
    }
  }
}

function invalid(message: string): KnownError {
  return new KnownError(message, { code: 'REQUEST_INVALID' });
}
