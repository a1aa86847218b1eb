import { type PlacedFile, type Playback, playbackIn, posterIn } from '../domain/playback.ts';
import type { Legs } from '../domain/progress.ts';
import { FIRST_LANE } from '../domain/recipe.ts';
import { GONE_STATES, type Recording, UNFINISHED_STATES } from '../domain/recording.ts';
import { type Chapter, chaptersIn, watchedKey } from '../domain/watching.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RecipeBook } from '../recipes/book.ts';
import type { ProgressBoard } from './progress-board.ts';
import { noSuchRecording } from './recording-details.ts';

/** What somebody who wants to watch a recording is told of it. */
export interface Watching {
  readonly title: string;
  /**
   * - `ready`: it can be watched
   * - `preparing`: it will be, or is on its way
   * - `failed`: a person has to look first
   * - `gone`: it was deleted or cancelled
   * - `absent`: it has no package, and will have none by itself
   */
  readonly state: 'ready' | 'preparing' | 'failed' | 'gone' | 'absent';
  /** Of the encoding, while it goes on. */
  readonly percent: number | undefined;
  readonly playback: Playback | undefined;
  readonly poster: PlacedFile | undefined;
  readonly chapters: readonly Chapter[];
}

/** A file of a recording, by its path below the recording's own folder. */
export interface WatchedFile {
  readonly recordingId: string;
  readonly path: string;
  readonly signal: AbortSignal;
}

/** A file that is being read. */
export interface OpenedFile {
  readonly totalBytes: number;
  readonly chunks: AsyncIterable<Buffer>;
  /** Lets go of it without reading. */
  dismiss(): void;
}

/** A place that files are read from; `undefined`: nothing lies there. */
interface WatchedPlace {
  look(input: { key: string; signal: AbortSignal }): Promise<{ readonly bytes: number } | undefined>;
  open(input: { key: string; fromByte: number; signal: AbortSignal }): Promise<OpenedFile | undefined>;
}

/** Such places, by their names. */
export interface WatchedPlaces {
  get(name: string): WatchedPlace | undefined;
}

/** What viewers ask. Whether they may is for the door to say. */
export interface Watch {
  /** @throws KnownError `NOT_FOUND` */
  standing(recordingId: string): Promise<Watching>;
  /** How long a file is; `undefined`: there is none that viewers are meant to have. */
  look(file: WatchedFile): Promise<{ readonly bytes: number } | undefined>;
  /** Begins to read one. Whoever reads no further dismisses it. */
  open(file: WatchedFile & { readonly fromByte: number }): Promise<OpenedFile | undefined>;
}

export function createWatch(options: {
  readonly ledger: Pick<Ledger, 'recordings'>;
  readonly progress: Pick<ProgressBoard, 'legsOf'>;
  readonly book: Pick<RecipeBook, 'planOf'>;
  readonly outputPlaces: WatchedPlaces;
}): Watch {
  const { ledger, progress, book, outputPlaces } = options;

  async function find({ recordingId, path }: WatchedFile) {
    const recording = await ledger.recordings.get(recordingId);
    if (recording === undefined || GONE_STATES.includes(recording.state)) return undefined;
    const { facts } = await ledger.recordings.progress(recordingId);
    const playback = playbackIn(facts) ?? { hls: undefined, dash: undefined, sprite: undefined };
    const found = watchedKey(recordingId, path, { ...playback, poster: posterIn(facts) });
    const place = found && outputPlaces.get(found.to);
    return place && { place, key: found.key };
  }

  return {
    async standing(id) {
      const recording = await ledger.recordings.get(id);
      if (recording === undefined) throw noSuchRecording(id);
      const { facts } = await ledger.recordings.progress(id);
      const isGone = GONE_STATES.includes(recording.state);
      const playback = isGone ? undefined : playbackIn(facts);
      const state = isGone ? 'gone' : playback === undefined ? stateOf(recording) : 'ready';
      const { steps } = await book.planOf(recording);
      const aside = steps.filter(({ lane }) => lane !== FIRST_LANE).map((step) => step.id);
      return {
        title: recording.title,
        state,
        percent: state === 'preparing' ? percentOf(progress.legsOf(id), aside) : undefined,
        playback,
        poster: isGone ? undefined : posterIn(facts),
        chapters: chaptersIn(recording.metadata),
      };
    },

    async look(file) {
      const found = await find(file);
      return found && (await found.place.look({ key: found.key, signal: file.signal }));
    },

    async open(file) {
      const found = await find(file);
      const { fromByte, signal } = file;
      return found && (await found.place.open({ key: found.key, fromByte, signal }));
    },
  };
}

function stateOf({ state }: Recording): Watching['state'] {
  if (UNFINISHED_STATES.includes(state)) return 'preparing';
  return state === 'done' ? 'absent' : 'failed';
}

/** How far what is made beside the line is: the slowest step counts. */
function percentOf(legs: Legs | undefined, steps: readonly string[]): number | undefined {
  const shares = Object.entries(legs ?? {}).flatMap(([step, { doneBytes, totalBytes }]) =>
    steps.includes(step) && totalBytes > 0 ? [doneBytes / totalBytes] : [],
  );
  return shares.length === 0 ? undefined : Math.min(99, Math.floor(100 * Math.min(...shares)));
}
