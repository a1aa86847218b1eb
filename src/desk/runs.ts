import { randomUUID } from 'node:crypto';
import { archivedFiles, storeOf } from '../domain/archived.ts';
import { isAsset, type LibraryFile } from '../domain/asset.ts';
import { KnownError } from '../domain/errors.ts';
import { recordingId } from '../domain/ids.ts';
import {
  type FoundInput,
  filenameOf,
  type InputAddress,
  inputText,
  readInput,
  shownInput,
} from '../domain/input.ts';
import { archiveDayOf, titleOfFile } from '../domain/names.ts';
import { type NewOutput, PRESET_RUN } from '../domain/preset.ts';
import type { Plan, TaskShapes } from '../domain/recipe.ts';
import type { NewRecording, SourceDetails } from '../domain/recording.ts';
import type { Accepted, Recordings } from '../ledger/recordings.ts';
import type { RecipeBook, StepParams } from '../recipes/book.ts';
import type { Intake } from './intake.ts';
import { type AddressedPlaces, checkAddresses } from './output-addresses.ts';
import type { PresetBook } from './presets.ts';

/** By what a run goes: a recipe, presets, each of which makes one output, or outputs that its caller has thought out. */
export type RunWay =
  | { readonly recipe: string }
  | {
      readonly presets: readonly string[];
      /** The place of outputs, in place of those of the presets. */
      readonly to?: string | undefined;
    }
  | { readonly outputs: readonly NewOutput[] };

/** Of what a run begins: the archived file of a recording that is home, an asset where it lies, or what lies at an address. */
export type RunOf = { readonly recordingId: string } | { readonly input: string };

/** A run that somebody asks for. */
export interface NewRun {
  readonly of: RunOf;
  readonly way: RunWay;
  /** Parameters of steps in place of those of the recipe or the presets, by the step's id: of presets, their names. */
  readonly params?: StepParams | undefined;
  /** The caller's; asked for again with the same one, nothing new begins. */
  readonly reference?: string | undefined;
  /** Hears of this run. */
  readonly webhookUrl?: string | undefined;
}

export interface RunTools {
  readonly intake: Intake;
  readonly recordings: Pick<Recordings, 'get' | 'progress'>;
  readonly book: Pick<RecipeBook, 'require'>;
  readonly presets: Pick<PresetBook, 'plan' | 'planOutputs'>;
  readonly inputs: InputDesk;
  readonly tasks: TaskShapes;
  readonly outputPlaces: AddressedPlaces;
}

/** Who knows whether there is something at an address. */
export interface InputDesk {
  /** @throws KnownError if there is nothing that could be brought */
  look(input: { readonly address: InputAddress; readonly signal: AbortSignal }): Promise<FoundInput>;
  /** All that lies below MEDIA_IN and could be an asset by its name. */
  library(input: { readonly signal: AbortSignal }): AsyncIterable<LibraryFile>;
  /** Where people find it; `undefined`: nobody has said where. */
  urlOf(address: InputAddress): string | undefined;
  /** Begins to read what lies below MEDIA_IN, as it is now. Whoever reads no further dismisses it. */
  read(input: {
    readonly address: InputAddress;
    readonly fromByte: number;
    readonly signal: AbortSignal;
  }): Promise<ReadInput>;
}

export interface ReadInput {
  readonly totalBytes: number;
  readonly chunks: AsyncIterable<Buffer>;
  dismiss(): void;
}

/** As long a door waits for a word of a place of inputs, in milliseconds. */
const LOOK_MS = 15_000;

/**
 * Begins one. A run is a recording by itself, with an id, steps, history and actions of its own; whatever becomes of it, the
 * recording that it is a run of keeps what it has reached.
 *
 * @throws KnownError `NOT_FOUND`, `RECIPE_UNKNOWN`, `PRESET_UNKNOWN`, `REQUEST_INVALID`; `WRONG_STATE` where nothing of the
 * recording is archived; of an input whatever says that it cannot be brought, of outputs that they cannot go where they are to
 */
export async function startRun(tools: RunTools, run: NewRun): Promise<Accepted> {
  const { reference, webhookUrl } = run;
  const key = 'input' in run.of ? inputText(readInput(run.of.input)) : run.of.recordingId;
  const naturalKey = `run:${JSON.stringify([key, reference ?? randomUUID()])}`;
  // Whatever has become of its input, and of where its outputs go, since it began.
  const known = reference === undefined ? undefined : await tools.recordings.get(recordingId(naturalKey));
  if (known !== undefined) return { id: known.id, state: known.state, isDuplicate: true };

  const { plan, words, details } = await planWay(tools, run.way, run.params);
  const begun =
    'input' in run.of ? await fromInput(tools, run.of.input) : await fromRecording(tools, run.of.recordingId);
  const { tasks, outputPlaces: places } = tools;
  await checkAddresses(plan, { tasks, places, signal: AbortSignal.timeout(LOOK_MS) });
  const { title, ...recording } = begun;
  return await tools.intake.accept({
    ...recording,
    naturalKey,
    aceId: null,
    title: `${title} (${words})`,
    details: { ...begun.details, ...details },
    ...(reference === undefined ? {} : { reference }),
    ...(webhookUrl === undefined ? {} : { webhookUrl: new URL(webhookUrl).href }),
    plan,
  });
}

/** What a run has of that from which it begins. */
type Begun = Pick<NewRecording, 'source' | 'origin' | 'details' | 'title' | 'runOf'>;

async function fromRecording(tools: Pick<RunTools, 'recordings' | 'inputs'>, of: string): Promise<Begun> {
  const { recordings } = tools;
  const recording = await recordings.get(of);
  if (recording === undefined) throw new KnownError(`There is no recording ${of}`, { code: 'NOT_FOUND' });
  if (isAsset(recording) && recording.origin.kind === 'input') {
    // It lies where it always did, and is read there.
    const { details, ...begun } = await fromInput(tools, recording.origin.address);
    return { ...begun, title: recording.title, details: { run_of: of, ...details }, runOf: of };
  }
  const { facts } = await recordings.progress(of);
  const [archived] = archivedFiles(facts);
  if (archived === undefined) {
    throw new KnownError(
      `The recording ${of} is ${recording.state} and has no archived file, from which a further run begins`,
      { code: 'WRONG_STATE' },
    );
  }
  const bytes = facts.fetch?.bytes ?? recording.bytes;
  return {
    source: recording.source,
    title: recording.title,
    origin: { kind: 'archived', recordingId: of, store: storeOf(archived), bytes },
    details: { run_of: of },
    runOf: of,
  };
}

/** It is asked for before anything is accepted: what is not there, or may not be read, leaves nothing. */
async function fromInput({ inputs }: Pick<RunTools, 'inputs'>, text: string): Promise<Begun> {
  const address = readInput(text);
  const found = await inputs.look({ address, signal: AbortSignal.timeout(LOOK_MS) });
  const filename = filenameOf(address);
  return {
    source: 'library',
    title: titleOfFile(filename) || 'Input',
    origin: {
      kind: 'input',
      address: inputText(address),
      ...archiveDayOf(found.file?.modifiedAtMs ?? null),
      ...found,
    },
    details: { input: shownInput(address), filename },
  };
}

/** The plan of a run, what people call it, and what is kept of how it was asked for. */
async function planWay(
  { book, presets }: Pick<RunTools, 'book' | 'presets'>,
  way: RunWay,
  params: StepParams | undefined,
): Promise<{ plan: Plan; words: string; details: SourceDetails }> {
  if ('recipe' in way) {
    const { recipe } = way;
    return { plan: book.require(recipe, params), words: recipe, details: { recipe } };
  }
  if ('outputs' in way) {
    const { outputs } = way;
    const words = outputs.map(({ id }) => id).join(', ');
    return { plan: presets.planOutputs(outputs), words, details: { recipe: PRESET_RUN, outputs: words } };
  }
  const planned = await presets.plan(way.presets, { to: way.to, params });
  const versions = planned.presets.map(({ name, version }) => `${name} v${version}`);
  return {
    plan: planned.plan,
    words: way.presets.join(', '),
    details: { recipe: PRESET_RUN, presets: versions.join(', ') },
  };
}
