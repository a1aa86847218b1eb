import type { Logger } from 'pino';
import { FIRST_LANE, firstLaneOf } from '../domain/recipe.ts';
import type { NewRecording } from '../domain/recording.ts';
import type { Accepted, Recordings } from '../ledger/recordings.ts';
import type { Line } from '../queue/line.ts';
import type { RecipeBook } from '../recipes/book.ts';

/** Where all doors lead: once `accept` has returned, the recording is in the ledger for good. */
export interface Intake {
  accept(recording: NewRecording, circumstances?: Circumstances): Promise<Accepted>;
}

export interface Circumstances {
  /** Whether nothing of its group is here, or comes together with it, so that nothing can be waiting for it. */
  readonly isAlone?: boolean;
}

/** Accepts into the ledger, and only tells the line; the line may follow later. */
export function createIntake(options: {
  recordings: Pick<Recordings, 'accept' | 'wakeCompanions'>;
  book: Pick<RecipeBook, 'planFor'>;
  line: Pick<Line, 'poke' | 'reconcile' | 'hurry'>;
  /** Those of the lanes beside the first. */
  lanes?: ReadonlyMap<string, Pick<Line, 'hurry'>>;
  log: Logger;
}): Intake {
  const { recordings, book, line, lanes, log } = options;
  return {
    async accept(recording, { isAlone = false } = {}) {
      const plan = recording.plan ?? book.planFor(recording);
      const accepted = await recordings.accept({ ...recording, plan });
      const { id, state, isDuplicate } = accepted;
      log.info(
        { event: 'recording.accepted', recordingId: id, source: recording.source, state, isDuplicate },
        'accepted',
      );
      // A recording that was given a new beginning is older than the last one put in line.
      if (isDuplicate && state === 'waiting') line.reconcile();
      const lane = firstLaneOf(plan);
      if (!isDuplicate && lane === FIRST_LANE) line.poke();
      if (!isDuplicate && lane !== FIRST_LANE) lanes?.get(lane)?.hurry(id);
      const { kind = 'video', groupKey } = recording;
      if (kind === 'video' && groupKey !== undefined && !isDuplicate && !isAlone) {
        for (const companionId of await recordings.wakeCompanions(groupKey)) line.hurry(companionId);
      }
      return accepted;
    },
  };
}
