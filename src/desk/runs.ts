import { randomUUID } from 'node:crypto';
import { archivedFiles, storeOf } from '../domain/archived.ts';
import { KnownError } from '../domain/errors.ts';
import { PRESET_RUN } from '../domain/preset.ts';
import type { Plan } from '../domain/recipe.ts';
import type { SourceDetails } from '../domain/recording.ts';
import type { Accepted, Recordings } from '../ledger/recordings.ts';
import type { RecipeBook, StepParams } from '../recipes/book.ts';
import type { Intake } from './intake.ts';
import type { PresetBook } from './presets.ts';

/** By what a run goes: a recipe, or presets, each of which makes one output. */
export type RunWay =
  | { readonly recipe: string }
  | {
      readonly presets: readonly string[];
      /** The place of outputs, in place of those of the presets. */
      readonly to?: string | undefined;
    };

/** A further run of a recording that is home. */
export interface NewRun {
  readonly recordingId: string;
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
  readonly presets: Pick<PresetBook, 'plan'>;
}

/**
 * Begins one. A run is a recording by itself, with an id, steps, history and actions of its own; whatever becomes of it, the
 * first run keeps what it has reached.
 *
 * @throws KnownError `NOT_FOUND`, `RECIPE_UNKNOWN`, `PRESET_UNKNOWN`, `REQUEST_INVALID`; `WRONG_STATE` where nothing of it is
 * archived
 */
export async function startRun(
  tools: RunTools,
  { recordingId: of, way, params, reference, webhookUrl }: NewRun,
): Promise<Accepted> {
  const { intake, recordings } = tools;
  const recording = await recordings.get(of);
  if (recording === undefined) throw new KnownError(`There is no recording ${of}`, { code: 'NOT_FOUND' });
  const { plan, words, details } = await planWay(tools, way, params);
  const { facts } = await recordings.progress(of);
  const [archived] = archivedFiles(facts);
  if (archived === undefined) {
    throw new KnownError(
      `The recording ${of} is ${recording.state} and has no archived file, from which a further run begins`,
      { code: 'WRONG_STATE' },
    );
  }
  return await intake.accept({
    source: recording.source,
    naturalKey: `run:${JSON.stringify([of, reference ?? randomUUID()])}`,
    aceId: null,
    title: `${recording.title} (${words})`,
    origin: {
      kind: 'archived',
      recordingId: of,
      store: storeOf(archived),
      bytes: facts.fetch?.bytes ?? recording.bytes,
    },
    details: { run_of: of, ...details },
    runOf: of,
    ...(reference === undefined ? {} : { reference }),
    ...(webhookUrl === undefined ? {} : { webhookUrl: new URL(webhookUrl).href }),
    plan,
  });
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
  const planned = await presets.plan(way.presets, { to: way.to, params });
  const versions = planned.presets.map(({ name, version }) => `${name} v${version}`);
  return {
    plan: planned.plan,
    words: way.presets.join(', '),
    details: { recipe: PRESET_RUN, presets: versions.join(', ') },
  };
}
