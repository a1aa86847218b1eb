import { isOutputAddress, outputExists, readOutputAddress } from '../../domain/output-address.ts';
import { stepPrefix } from '../../domain/output-keys.ts';
import type { OutputPlace } from '../../engine/ports/output-place.ts';
import type { WithdrawContext } from '../../engine/task.ts';
import { placeNamed, requireOutputPlace } from './output-sender.ts';
import type { Tools } from './tools.ts';

/** Where the outputs of a step go. */
export interface OutputSpot {
  readonly place: OutputPlace;
  /** The key that the caller of the run has named, of its file or its manifest; `undefined`: all lies below the step's own folder. */
  readonly named: string | undefined;
  /** The folder of that key, with a slash at the end; none: the top of the place. */
  readonly folder: string;
}

type PlaceTools = Pick<Tools, 'outputPlaces'>;

/** @throws KnownError `OUTPUT_PLACE_MISSING`: it waits until the place is set up, or may be named, again */
export function spotOf(tools: PlaceTools, to: string): OutputSpot {
  if (!isOutputAddress(to)) return { place: requireOutputPlace(tools, to), named: undefined, folder: '' };
  const { place, key } = readOutputAddress(to);
  const folder = key.slice(0, key.lastIndexOf('/') + 1);
  return { place: requireOutputPlace(tools, place), named: key, folder };
}

/** The circuit on which a step depends that brings its outputs there. */
export function serviceOf({ outputPlaces }: PlaceTools, to: string): string {
  const name = isOutputAddress(to) ? readOutputAddress(to).place : to;
  return placeNamed(outputPlaces, name)?.service ?? name;
}

/** What all attempts of a step write lies below, with a slash at the end. */
export function outputsOf(
  { recording, step }: Pick<WithdrawContext, 'recording' | 'step'>,
  { folder }: Pick<OutputSpot, 'folder'>,
): string {
  return stepPrefix({ recordingId: recording.id, step: step.id }, folder);
}

type Owner = Pick<WithdrawContext, 'recording' | 'step' | 'signal'>;

/** Who has put what lies at a key that a caller has named: this step of this run, or others. */
async function whoseIs({ recording, step, signal }: Owner, place: OutputPlace, key: string) {
  const found = await place.look({ key, signal });
  if (found === undefined) return 'nothing' as const;
  return found.recordingId === recording.id && found.step === step.id ? 'ours' : 'others';
}

/** @throws KnownError `OUTPUT_EXISTS` if something of others lies at a key that is not to be replaced */
export async function requireFree(context: Owner, { place }: OutputSpot, key: string): Promise<void> {
  if ((await whoseIs(context, place, key)) !== 'others') return;
  throw outputExists(`${place.place}/${key}`);
}

/**
 * Removes what this step of this run has put at a key that its caller has named; what has come there since stays.
 *
 * @throws KnownError `LEASE_LOST`
 */
export async function removeNamed(
  context: Owner & Pick<WithdrawContext, 'checkLease'>,
  { place }: Pick<OutputSpot, 'place'>,
  key: string,
): Promise<void> {
  if ((await whoseIs(context, place, key)) !== 'ours') return;
  await context.checkLease();
  await place.remove({ keys: [key], signal: context.signal });
}
