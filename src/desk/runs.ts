import { randomUUID } from 'node:crypto';
import { archivedFiles, storeOf } from '../domain/archived.ts';
import { KnownError } from '../domain/errors.ts';
import type { Accepted, Recordings } from '../ledger/recordings.ts';
import type { RecipeBook, StepParams } from '../recipes/book.ts';
import type { Intake } from './intake.ts';

/** A further run of a recording that is home. */
export interface NewRun {
  readonly recordingId: string;
  readonly recipe: string;
  /** Parameters of steps in place of those of the recipe, by the step's id. */
  readonly params?: StepParams | undefined;
  /** The caller's; asked for again with the same one, nothing new begins. */
  readonly reference?: string | undefined;
  /** Hears of this run. */
  readonly webhookUrl?: string | undefined;
}

/**
 * Begins one. A run is a recording by itself, with an id, steps, history and actions of its own; whatever becomes of it, the
 * first run keeps what it has reached.
 *
 * @throws KnownError `NOT_FOUND`, `RECIPE_UNKNOWN`, `REQUEST_INVALID`; `WRONG_STATE` where nothing of it is archived
 */
export async function startRun(
  {
    intake,
    recordings,
    book,
  }: {
    readonly intake: Intake;
    readonly recordings: Pick<Recordings, 'get' | 'progress'>;
    readonly book: Pick<RecipeBook, 'require'>;
  },
  { recordingId: of, recipe, params, reference, webhookUrl }: NewRun,
): Promise<Accepted> {
  const recording = await recordings.get(of);
  if (recording === undefined) throw new KnownError(`There is no recording ${of}`, { code: 'NOT_FOUND' });
  const plan = book.require(recipe, params);
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
    title: `${recording.title} (${recipe})`,
    origin: {
      kind: 'archived',
      recordingId: of,
      store: storeOf(archived),
      bytes: facts.fetch?.bytes ?? recording.bytes,
    },
    details: { run_of: of, recipe },
    runOf: of,
    ...(reference === undefined ? {} : { reference }),
    ...(webhookUrl === undefined ? {} : { webhookUrl: new URL(webhookUrl).href }),
    plan,
  });
}
